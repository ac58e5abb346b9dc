//! What is removed, and what is gone.

use super::*;

#[tokio::test]
async fn a_removal_undeploys_first_and_what_is_gone_is_gone() {
    let mut maker = Maker::new();
    (maker.there, maker.status) = (true, 4);
    let cloud = Cloud::start(move |asked| maker.answer(asked)).await;
    let vim = driver(&cloud);
    let id = || VmId::new("vapp-7");
    let removal = vim
        .call(VimCall::DeleteVm(id()), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(cloud.changes(), ["POST /api/vApp/vapp-7/do/undeploy"]);
    // another process goes on with it
    let later = driver(&cloud);
    assert_eq!(
        later.status(removal.op).await.unwrap(),
        VimOpStatus::Succeeded
    );
    let all = [
        "POST /api/vApp/vapp-7/do/undeploy",
        "DELETE /api/vApp/vapp-7/do/remove",
    ];
    assert_eq!(cloud.changes(), all);
    assert_eq!(later.describe(id()).await.unwrap(), None);
    let again = vim
        .call(VimCall::DeleteVm(id()), "k2".to_owned())
        .await
        .unwrap();
    assert_eq!(vim.status(again.op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(
        cloud.changes(),
        all,
        "already gone is success, and nothing is sent"
    );
}

#[tokio::test]
async fn what_is_not_shown_is_gone_only_when_it_is_not_listed_and_nothing_removes_it_any_more() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let error = vim.describe(VmId::new("vapp-7")).await.unwrap_err();
    assert!(
        matches!(&error, VimError::Unknown(line) if line.contains("lists")),
        "{error:?}"
    );
    assert_eq!(
        cloud.count("POST /api/sessions"),
        1,
        "it is not there: a new session would not help"
    );
    // its removal is under way
    let mut shown = true;
    cloud.play(move |asked| match asked.line().as_str() {
        "GET /api/vdc/1" if shown => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" if shown => xml(vapp(&asked.base, 8, &["remove"], "")),
        "DELETE /api/vApp/vapp-7/do/remove" => {
            shown = false;
            Answer::Xml(202, task(&asked.base, "r", "running", "vdcDeleteVapp"))
        }
        "GET /api/task/r" => xml(task(&asked.base, "r", "running", "vdcDeleteVapp")),
        _ => things(asked),
    });
    let removal = vim
        .call(VimCall::DeleteVm(VmId::new("vapp-7")), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(
        vim.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    let error = vim.describe(VmId::new("vapp-7")).await.unwrap_err();
    assert!(
        matches!(&error, VimError::Unknown(line) if line.contains("task r")),
        "{error:?}"
    );
    cloud.play(things);
    assert_eq!(vim.describe(VmId::new("vapp-7")).await.unwrap(), None);
}

#[tokio::test]
async fn a_removal_waits_for_what_is_under_way_and_a_failed_one_is_told() {
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" => {
            let busy = task(&asked.base, "x", "running", "vdcInstantiateVapp");
            xml(vapp(&asked.base, 0, &[], &busy))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = || VimCall::DeleteVm(VmId::new("vapp-7"));
    let removal = vim.call(call(), "k".to_owned()).await.unwrap();
    assert_eq!(
        vim.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    assert!(cloud.changes().is_empty());
    // its host cannot be reached: the cloud itself refuses to let go of it
    cloud.play(|asked| match asked.line().as_str() {
        "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 4, &["undeploy"], "")),
        "POST /api/vApp/vapp-7/do/undeploy" => {
            Answer::Xml(202, task(&asked.base, "u", "queued", "vappUndeploy"))
        }
        "GET /api/task/u" => {
            let failed = task(&asked.base, "u", "error", "vappUndeploy");
            let words = "<Error message=\"The host is not connected\" majorErrorCode=\"500\" minorErrorCode=\"X\"/></Task>";
            xml(failed.replace("</Task>", words))
        }
        _ => things(asked),
    });
    let failed = vim.status(removal.op).await.unwrap();
    let told = [
        "vCloud: The host is not connected (code 500 X)",
        "vCloud: task u vappUndeploy: error",
    ];
    assert_eq!(failed, VimOpStatus::Failed(told.map(str::to_owned).into()));
    // asked again, it is sent again
    vim.call(call(), "k2".to_owned()).await.unwrap();
    assert_eq!(cloud.count("POST /api/vApp/vapp-7/do/undeploy"), 2);
}
