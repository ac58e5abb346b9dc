//! Reboots, starts and stops.

use super::*;

#[tokio::test]
async fn a_reboot_follows_its_link_and_is_known_again_by_its_task() {
    let mut sent = false;
    let cloud = Cloud::start(move |asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 4, &["power:reset", "power:reboot"], "")),
        "POST /api/vApp/vapp-7/do/reset" => {
            sent = true;
            Answer::Lost
        }
        "POST /api/vApp/vapp-7/do/reboot" => {
            Answer::Xml(202, task(&asked.base, "s", "running", "vappRebootGuest"))
        }
        "GET /api/tasksList/1" => {
            let old = task(&asked.base, "old", "success", "vappReset");
            let other =
                task(&asked.base, "new", "success", "vappReset").replace("vapp-7", "vapp-9");
            let own = match sent {
                true => task(&asked.base, "own", "success", "vappReset"),
                false => String::new(),
            };
            xml(format!("<TasksList>{other}{own}{old}</TasksList>"))
        }
        "GET /api/task/own" => xml(task(&asked.base, "own", "success", "vappReset")),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = |hard| VimCall::RebootVm {
        vm: VmId::new("vapp-7"),
        hard,
    };
    let lost = vim.call(call(true), "k".to_owned()).await.unwrap_err();
    assert!(matches!(lost, VimError::Unknown(_)), "{lost:?}");
    let own = vim.call(call(true), "k".to_owned()).await.unwrap();
    assert!(own.op.id.ends_with("/task/own"), "{}", own.op.id);
    assert_eq!(vim.status(own.op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(cloud.count("POST /api/vApp/vapp-7/do/reset"), 1);
    // another call is another reboot
    vim.call(call(false), "k2".to_owned()).await.unwrap();
    assert_eq!(cloud.count("POST /api/vApp/vapp-7/do/reboot"), 1);
    // what is off is started; what is busy is asked again later
    cloud.play(|asked| match asked.line().as_str() {
        "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 8, &["power:powerOn", "undeploy"], "")),
        "POST /api/vApp/vapp-7/do/powerOn" => no(400, "BUSY_ENTITY", "The entity is busy"),
        _ => things(asked),
    });
    let busy = vim.call(call(true), "k3".to_owned()).await.unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
    cloud.play(|asked| match asked.line().as_str() {
        "GET /api/vApp/vapp-7" => {
            let under_way = task(&asked.base, "x", "running", "vappSuspend");
            xml(vapp(&asked.base, 4, &[], &under_way))
        }
        _ => things(asked),
    });
    let busy = vim.call(call(true), "k4".to_owned()).await.unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
}

#[tokio::test]
async fn a_stop_asks_the_guest_and_takes_the_power_away_where_that_fails() {
    // by whom the guest cannot be asked: the cloud at once, or its task
    for at_once in [true, false] {
        let mut status = 4;
        let cloud = Cloud::start(move |asked| match asked.line().as_str() {
            "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
            "GET /api/vApp/vapp-7" => xml(vapp(
                &asked.base,
                status,
                &["power:shutdown", "power:powerOff"],
                "",
            )),
            "POST /api/vApp/vapp-7/do/shutdown" if at_once => {
                no(400, "BAD_REQUEST", "VMware Tools is not running")
            }
            "POST /api/vApp/vapp-7/do/shutdown" => {
                Answer::Xml(202, task(&asked.base, "s", "running", "vappShutdownGuest"))
            }
            "GET /api/task/s" => xml(task(&asked.base, "s", "error", "vappShutdownGuest")),
            "POST /api/vApp/vapp-7/do/powerOff" => {
                status = 8;
                Answer::Xml(202, task(&asked.base, "p", "running", "vappPowerOff"))
            }
            "GET /api/task/p" => xml(task(&asked.base, "p", "success", "vappPowerOff")),
            _ => things(asked),
        })
        .await;
        let vim = driver(&cloud);
        let call = || VimCall::StopVm(VmId::new("vapp-7"));
        let stopped = vim.call(call(), "k".to_owned()).await.unwrap();
        for _ in 0..2 {
            let status = vim.status(stopped.op.clone()).await.unwrap();
            assert_eq!(status, VimOpStatus::Succeeded);
        }
        let changes = [
            "POST /api/vApp/vapp-7/do/shutdown",
            "POST /api/vApp/vapp-7/do/powerOff",
        ];
        assert_eq!(cloud.changes(), changes, "once");
        // what is off is stopped
        let again = vim.call(call(), "k2".to_owned()).await.unwrap();
        assert_eq!(vim.status(again.op).await.unwrap(), VimOpStatus::Succeeded);
        assert_eq!(cloud.changes(), changes);
    }
    let cloud = Cloud::start(|asked| match asked.line().as_str() {
        "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
        "GET /api/vApp/vapp-7" => xml(vapp(
            &asked.base,
            4,
            &["power:shutdown", "power:powerOff"],
            "",
        )),
        "POST /api/vApp/vapp-7/do/powerOff" => {
            Answer::Xml(202, task(&asked.base, "p", "queued", "vappPowerOff"))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = VimCall::PowerOffVm(VmId::new("vapp-7"));
    let cut = vim.call(call, "k".to_owned()).await.unwrap();
    assert!(cut.op.id.ends_with("/task/p"), "{}", cut.op.id);
    assert_eq!(cloud.changes(), ["POST /api/vApp/vapp-7/do/powerOff"]);
}

#[tokio::test]
async fn what_is_deployed_is_powered_on_and_what_is_not_is_deployed() {
    for (rels, wanted) in [
        (
            vec!["power:powerOn", "deploy", "remove"],
            "POST /api/vApp/vapp-7/do/deploy",
        ),
        (
            vec!["power:powerOn", "deploy", "undeploy"],
            "POST /api/vApp/vapp-7/do/powerOn",
        ),
        (
            vec!["power:powerOn", "undeploy"],
            "POST /api/vApp/vapp-7/do/powerOn",
        ),
        (vec!["deploy"], "POST /api/vApp/vapp-7/do/deploy"),
    ] {
        let shown = rels.clone();
        let cloud = Cloud::start(move |asked| match asked.line().as_str() {
            "GET /api/vdc/1" => vdc(&asked.base, &[("vapp-7", "d_g_0_1.1")]),
            "GET /api/vApp/vapp-7" => xml(vapp(&asked.base, 8, &shown, "")),
            line if line == wanted => Answer::Xml(202, task(&asked.base, "t", "queued", "x")),
            _ => things(asked),
        })
        .await;
        let call = VimCall::StartVm(VmId::new("vapp-7"));
        driver(&cloud).call(call, "k".to_owned()).await.unwrap();
        assert_eq!(cloud.changes(), [wanted], "{rels:?}");
    }
}
