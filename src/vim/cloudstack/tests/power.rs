//! Reboots, and what is busy.

use super::*;

#[tokio::test]
async fn what_is_there_already_is_success_and_what_is_busy_is_asked_again() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Running")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let id = || VmId::new("vm-1");
    let resize = || VimCall::ResizeVm {
        vm: id(),
        flavor: "Small".to_owned(),
    };
    for (key, call) in [("a", VimCall::StartVm(id())), ("b", resize())] {
        let done = vim.call(call, key.to_owned()).await.unwrap();
        assert_eq!(vim.status(done.op).await.unwrap(), VimOpStatus::Succeeded);
    }
    cloud.play(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Starting")]),
        "stopVirtualMachine" => Answer::No(530, "VM is being started"),
        _ => things(asked),
    });
    let busy = vim
        .call(VimCall::StopVm(id()), "c".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
    cloud.play(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Stopped")]),
        "startVirtualMachine" => Answer::No(530, "no such luck"),
        _ => things(asked),
    });
    let refused = vim
        .call(VimCall::StartVm(id()), "d".to_owned())
        .await
        .unwrap_err();
    assert_eq!(
        refused,
        VimError::Refused(vec!["CloudStack: no such luck (code 530)".to_owned()])
    );
}

#[tokio::test]
async fn a_reboot_whose_reply_was_lost_is_followed_and_not_sent_again() {
    let known = std::sync::Arc::new(std::sync::Mutex::new(vec!["old"]));
    let jobs = known.clone();
    let cloud = Cloud::start(move |asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Running")]),
        "rebootVirtualMachine" => {
            jobs.lock().unwrap().push("new");
            Answer::Lost
        }
        "listAsyncJobs" => {
            let class = "org.apache.cloudstack.api.command.user.vm.RebootVMCmd";
            let jobs = jobs.lock().unwrap();
            let jobs: Vec<Value> = jobs.iter()
                .map(|id| json!({"jobid": id, "jobstatus": 1, "cmd": class, "jobinstanceid": "vm-1"}))
                .collect();
            Answer::Reply(json!({"count": jobs.len(), "asyncjobs": jobs}))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = || VimCall::RebootVm {
        vm: VmId::new("vm-1"),
        hard: true,
    };
    let lost = vim.call(call(), "k".to_owned()).await.unwrap_err();
    assert!(matches!(lost, VimError::Unknown(_)), "{lost:?}");
    let own = vim.call(call(), "k".to_owned()).await.unwrap();
    assert_eq!(own.op.id, "new");
    assert_eq!(cloud.count("rebootVirtualMachine"), 1);
    assert_eq!(cloud.last("rebootVirtualMachine").get("forced"), "true");
}

#[tokio::test]
async fn a_failed_reboot_is_told_in_the_clouds_words_with_their_code() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Running")]),
        "rebootVirtualMachine" => Answer::Reply(json!({"jobid": "job-1"})),
        "queryAsyncJobResult" => job(
            2,
            json!({"errorcode": 530, "errortext": "Failed to reboot vm instance"}),
        ),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let call = VimCall::RebootVm {
        vm: VmId::new("vm-1"),
        hard: false,
    };
    let asked = vim.call(call, "k".to_owned()).await.unwrap();
    assert_eq!(
        vim.status(asked.op).await.unwrap(),
        VimOpStatus::Failed(vec![
            "CloudStack: Failed to reboot vm instance (code 530)".to_owned(),
            "CloudStack: job job-1 RebootVMCmdByAdmin failed".to_owned(),
        ])
    );
}
