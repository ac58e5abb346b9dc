//! What is removed, and what is gone.

use super::*;

#[tokio::test]
async fn a_vm_that_is_not_shown_is_gone_only_when_no_job_removes_it_any_more() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "destroyVirtualMachine" => Answer::Reply(json!({"jobid": "job-1"})),
        "listVirtualMachines" => vms(&[vm("Running")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let id = || VmId::new("vm-1");
    let removal = vim
        .call(VimCall::DeleteVm(id()), "k".to_owned())
        .await
        .unwrap();
    assert_eq!(cloud.last("destroyVirtualMachine").get("expunge"), "true");
    let pending = |asked: &Asked| match asked.name() {
        "queryAsyncJobResult" => {
            Answer::Reply(json!({"jobid": "job-1", "jobstatus": 0, "jobprocstatus": 1}))
        }
        "listVirtualMachines" => Answer::Reply(json!({})),
        _ => things(asked),
    };
    cloud.play(pending);
    assert_eq!(
        vim.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    let error = vim.describe(id()).await.unwrap_err();
    assert!(matches!(error, VimError::Unknown(_)), "{error:?}");
    // so too after a restart, once the errand is followed
    let later = driver(&cloud);
    assert_eq!(
        later.status(removal.op.clone()).await.unwrap(),
        VimOpStatus::Running
    );
    assert!(matches!(
        later.describe(id()).await,
        Err(VimError::Unknown(_))
    ));
    cloud.play(move |asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Destroyed")]),
        _ => pending(asked),
    });
    let seen = vim.describe(id()).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Deleting);
    cloud.play(|asked| match asked.name() {
        "queryAsyncJobResult" => job(1, json!({"success": true})),
        "listVirtualMachines" => Answer::No(431, "Invalid parameter id value=vm-1 due to incorrect long value format, or entity does not exist"),
        _ => things(asked),
    });
    assert_eq!(
        vim.status(removal.op).await.unwrap(),
        VimOpStatus::Succeeded
    );
    assert_eq!(vim.describe(id()).await.unwrap(), None);
    // already gone is success, and nothing is sent
    let again = vim
        .call(VimCall::DeleteVm(id()), "k2".to_owned())
        .await
        .unwrap();
    assert_eq!(vim.status(again.op).await.unwrap(), VimOpStatus::Succeeded);
    assert_eq!(cloud.count("destroyVirtualMachine"), 1);
}

#[tokio::test]
async fn a_removal_whose_reply_was_lost_is_followed_by_its_job() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => vms(&[vm("Stopping")]),
        "destroyVirtualMachine" => Answer::No(530, "There is another operation on the VM"),
        "listAsyncJobs" => Answer::Reply(json!({"count": 1, "asyncjobs": [{"jobid": "job-7", "jobstatus": 0,
            "cmd": "org.apache.cloudstack.api.command.admin.vm.DestroyVMCmdByAdmin", "jobinstanceid": "vm-1"}]})),
        "queryAsyncJobResult" => Answer::Reply(json!({"jobid": "job-7", "jobstatus": 0})),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    for key in ["a", "b"] {
        let call = VimCall::DeleteVm(VmId::new("vm-1"));
        let own = vim.call(call, key.to_owned()).await.unwrap();
        assert_eq!(own.op.id, "job-7");
    }
    assert_eq!(cloud.count("destroyVirtualMachine"), 1);
    cloud.play(|asked| match asked.name() {
        "listAsyncJobs" => Answer::Reply(json!({})),
        "listVirtualMachines" => vms(&[vm("Stopping")]),
        _ => Answer::No(530, "There is another operation on the VM"),
    });
    let call = VimCall::DeleteVm(VmId::new("vm-1"));
    let busy = driver(&cloud).call(call, "c".to_owned()).await.unwrap_err();
    assert!(matches!(busy, VimError::Unknown(_)), "{busy:?}");
}

#[tokio::test]
async fn who_may_not_expunge_destroys() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "destroyVirtualMachine" if asked.get("expunge") == "true" => Answer::No(
            531,
            "Parameter expunge can be passed by Admin only. Or when the allow.user.expunge.recover.vm key is set.",
        ),
        "destroyVirtualMachine" => Answer::Reply(json!({"jobid": "job-1"})),
        "queryAsyncJobResult" => job(1, json!({"virtualmachine": vm("Destroyed")})),
        "listVirtualMachines" => vms(&[vm("Running")]),
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    for key in ["a", "b"] {
        vim.call(VimCall::DeleteVm(VmId::new("vm-1")), key.to_owned())
            .await
            .unwrap();
    }
    assert_eq!(cloud.count("destroyVirtualMachine"), 3, "asked once");
    cloud.play(|asked| match asked.name() {
        "queryAsyncJobResult" => job(1, json!({"virtualmachine": vm("Destroyed")})),
        "listVirtualMachines" => vms(&[vm("Destroyed")]),
        _ => things(asked),
    });
    let gone = vim.describe(VmId::new("vm-1")).await.unwrap();
    assert_eq!(gone, None, "it is stopped, and waits to be expunged");
}

#[tokio::test]
async fn a_guest_on_a_host_that_does_not_answer_is_unknown_and_not_removed() {
    let cloud = Cloud::start(|asked| match asked.name() {
        "listVirtualMachines" => {
            let mut on_host = vm("Running");
            on_host["hostid"] = json!("host-1");
            on_host["hostname"] = json!("kvm7");
            vms(&[on_host])
        }
        "listHosts" => {
            Answer::Reply(json!({"count": 1, "host": [{"id": "host-1", "state": "Disconnected"}]}))
        }
        _ => things(asked),
    })
    .await;
    let vim = driver(&cloud);
    let seen = vim.describe(VmId::new("vm-1")).await.unwrap().unwrap();
    assert_eq!(seen.power, PowerState::Unknown);
    assert_eq!(seen.messages, ["CloudStack: its host kvm7 does not answer"]);
    let error = vim
        .call(VimCall::DeleteVm(VmId::new("vm-1")), "k".to_owned())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, VimError::Refused(lines) if lines[0].contains("kvm7")),
        "{error:?}"
    );
    assert_eq!(cloud.count("destroyVirtualMachine"), 0);
}
