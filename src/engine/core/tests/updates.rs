//! Updates and the five actions.

use super::sim::*;
use crate::model::action::*;
use crate::model::deployment::*;
use crate::model::state::*;
use std::time::Duration;

fn deployed(groups: Vec<VmGroup>) -> Sim {
    let mut sim = Sim::new();
    sim.desire(deployment(groups)).secs(20);
    sim.told();
    sim
}

#[test]
fn service_actions() {
    let mut sim = deployed(vec![group("g1"), group("g2")]);
    sim.service(ActionType::Stop).unwrap();
    assert!(matches!(
        sim.service(ActionType::Start),
        Err(Refusal::Busy { .. })
    ));
    sim.secs(20)
        .expect(&["VmStopped", "VmStopped", "ServiceStopped"]);
    assert_eq!(sim.record().service_state, ServiceState::Stopped);
    sim.secs(100).expect(&[]);
    sim.service(ActionType::Start).unwrap();
    sim.secs(20).expect(&[
        "VmStarted",
        "VmStarted",
        "VmAlive",
        "VmAlive",
        "ServiceAlive",
    ]);
    sim.service(ActionType::Reboot).unwrap();
    assert_eq!(sim.record().service_state, ServiceState::Rebooting);
    sim.secs(20).expect(&[
        "VmRebooted",
        "VmRebooted",
        "VmAlive",
        "VmAlive",
        "ServiceAlive",
    ]);
    sim.service(ActionType::DisableMonitor).unwrap();
    sim.expect(&["VmMonitorUnset", "VmMonitorUnset", "ServiceMonitorUnset"]);
    sim.kill(0).secs(20).expect(&[]);
    assert_eq!(sim.record().vms[0].state, VmState::MonitorUnset);
    sim.revive(0);
    sim.service(ActionType::EnableMonitor).unwrap();
    sim.secs(20).expect(&["VmAlive", "VmAlive", "ServiceAlive"]);
    assert_eq!(sim.record().service_state, ServiceState::Active);
}

#[test]
fn vm_actions() {
    let mut sim = deployed(vec![group("g1")]);
    sim.on_vm(ActionType::Stop).unwrap();
    sim.secs(10).expect(&["VmStopped"]);
    sim.on_vm(ActionType::Start).unwrap();
    sim.secs(10).expect(&["VmStarted", "VmAlive"]);
    sim.on_vm(ActionType::Reboot).unwrap();
    sim.secs(10).expect(&["VmRebooted", "VmAlive"]);
    sim.on_vm(ActionType::DisableMonitor).unwrap();
    sim.secs(10).expect(&["VmMonitorUnset"]);
    sim.on_vm(ActionType::EnableMonitor).unwrap();
    sim.secs(10).expect(&["VmMonitorSet", "VmAlive"]);
    let unknown = sim.act(Action::Vm {
        action: ActionType::Stop,
        vm: "no such".into(),
        force: false,
    });
    assert!(matches!(unknown, Err(Refusal::UnknownVm(_))));
    let unknown = sim.act(Action::Service {
        action: ActionType::Stop,
        deployment: crate::ids::DeploymentKey::new("ttt", "none"),
    });
    assert!(matches!(unknown, Err(Refusal::UnknownDeployment(_))));
}

#[test]
fn a_failing_part_fails_the_service_action() {
    let mut sim = deployed(vec![group("g1"), group("g2")]);
    sim.fault("stop", Fault::Fails(vec!["VIM Driver: no"]));
    sim.service(ActionType::Stop).unwrap();
    sim.secs(20);
    let told = sim.told();
    assert_eq!(told[..3], ["VmStopped!", "VmStopped", "ServiceStopped!"]);
}

#[test]
fn add_and_remove_vms_and_groups() {
    let mut sim = deployed(vec![group("g1")]);
    let mut two = group("g1");
    two.min_active = 2;
    sim.desire(deployment(vec![two, group("g2")])).secs(20);
    sim.expect(&[
        "VmDeployed",
        "VmDeployed",
        "VmAlive",
        "VmAlive",
        "ServiceUpdated",
    ]);
    assert_eq!(sim.record().vms.len(), 3);
    sim.desire(deployment(vec![group("g1")])).secs(20);
    sim.expect(&["VmUndeployed", "VmUndeployed", "ServiceUpdated"]);
    assert_eq!(sim.vim.vms.len(), 1);
    // The same again changes nothing.
    sim.desire(deployment(vec![group("g1")]))
        .secs(20)
        .expect(&[]);
}

#[test]
fn image_and_flavor_change() {
    let mut sim = deployed(vec![group("g1")]);
    let name = sim.vm_name(0);
    let mut changed = group("g1");
    changed.image = "img2".into();
    sim.desire(deployment(vec![changed.clone()])).secs(20);
    sim.expect(&["VmUndeployed", "VmDeployed", "VmAlive", "ServiceUpdated"]);
    assert_eq!(sim.vm_name(0), name);
    changed.flavor = "fl2".into();
    sim.desire(deployment(vec![changed.clone()])).secs(20);
    sim.expect(&["VmUpdated", "VmAlive", "ServiceUpdated"]);
    changed.recovery_wait = Duration::from_secs(7);
    sim.desire(deployment(vec![changed]))
        .secs(20)
        .expect(&["ServiceUpdated"]);
    sim.kill(0).secs(4).expect(&["VmRecoveryInit"]);
}

#[test]
fn networks_come_and_go_with_updates() {
    let mut sim = deployed(vec![group("g1")]);
    let mut dep = deployment(vec![group("g1")]);
    dep.networks = vec![network("a"), network("b")];
    sim.desire(dep.clone()).secs(20);
    sim.expect(&[
        "CreateNetwork",
        "CreateNetwork",
        "CreateSubnet",
        "CreateSubnet",
        "ServiceUpdated",
    ]);
    dep.networks.pop();
    sim.desire(dep)
        .secs(20)
        .expect(&["DeleteSubnet", "DeleteNetwork", "ServiceUpdated"]);
}

#[test]
fn edits_on_a_busy_deployment_are_queued_and_the_latest_wins() {
    let mut waiting = group("g1");
    waiting.recovery_wait = Duration::from_secs(10);
    let mut sim = deployed(vec![waiting.clone()]);
    sim.kill(0).secs(5).expect(&["VmRecoveryInit"]);
    let mut a = waiting.clone();
    a.min_active = 5;
    let mut b = waiting;
    b.min_active = 2;
    sim.desire(deployment(vec![a]))
        .desire(deployment(vec![b]))
        .expect(&[]);
    sim.secs(30).expect(&[
        "VmRecoveryReboot",
        "VmRecoveryComplete",
        "VmDeployed",
        "VmAlive",
        "ServiceUpdated",
    ]);
}

#[test]
fn a_deployment_that_comes_back_while_it_goes() {
    let mut sim = deployed(vec![group("g1")]);
    let id = sim.record().deployment_id;
    sim.undeploy();
    sim.desire(deployment(vec![group("g1")])).secs(20);
    sim.expect(&[
        "VmUndeployed",
        "ServiceUndeployed",
        "VmDeployed",
        "VmAlive",
        "ServiceAlive",
    ]);
    assert_ne!(sim.record().deployment_id, id);
}

#[test]
fn an_update_repairs_a_failed_deploy() {
    let mut sim = Sim::new();
    sim.fault("create", Fault::Refused("no"))
        .desire(deployment(vec![group("g1")]))
        .secs(20);
    sim.expect(&["CreateTenant", "VmDeployed!", "ServiceAlive!"]);
    sim.desire(deployment(vec![group("g1")]))
        .secs(20)
        .expect(&[]);
    sim.desire(deployment(vec![group("g1"), group("g2")]))
        .secs(20);
    sim.expect(&[
        "VmDeployed",
        "VmDeployed",
        "VmAlive",
        "VmAlive",
        "ServiceUpdated",
    ]);
    assert_eq!(sim.record().service_state, ServiceState::Active);
}

#[test]
fn shared_resources_are_made_once_and_removed_when_unused() {
    use crate::model::resource::*;
    let mut sim = Sim::new();
    let image = ResourceKey {
        vim: VIM.into(),
        kind: ResourceKind::Image,
        tenant: None,
        name: "own".into(),
    };
    let net = ResourceKey {
        vim: VIM.into(),
        kind: ResourceKind::Network,
        tenant: Some("ttt".into()),
        name: "tn".into(),
    };
    let resources = vec![
        (
            image.clone(),
            Some(ResourceSpec::Image(ImageSpec {
                name: "own".into(),
                ..ImageSpec::default()
            })),
        ),
        (net.clone(), Some(ResourceSpec::Network(network("tn")))),
    ];
    sim.input(super::super::Input::Desired {
        revision: crate::ids::Revision(1),
        deployments: vec![],
        resources,
        more: false,
    });
    sim.secs(5);
    let mut told = sim.told();
    told.sort();
    assert_eq!(
        told,
        [
            "CreateImage",
            "CreateNetwork",
            "CreateSubnet",
            "CreateTenant"
        ]
    );
    let mut user = group("g1");
    user.image = "own".into();
    user.interfaces[0].network = "tn".into();
    sim.desire(deployment(vec![user]))
        .secs(20)
        .expect(&["VmDeployed", "VmAlive", "ServiceAlive"]);
    // Unused only: kept while the deployment needs it.
    sim.input(super::super::Input::Desired {
        revision: crate::ids::Revision(2),
        deployments: vec![],
        resources: vec![(image, None)],
        more: false,
    });
    sim.secs(5).expect(&[]);
    sim.undeploy()
        .secs(20)
        .expect(&["VmUndeployed", "ServiceUndeployed", "DeleteImage"]);
    sim.input(super::super::Input::Desired {
        revision: crate::ids::Revision(3),
        deployments: vec![],
        resources: vec![(net, None), (tenant_key(), None)],
        more: false,
    });
    sim.secs(20)
        .expect(&["DeleteSubnet", "DeleteNetwork", "DeleteTenant"]);
}
