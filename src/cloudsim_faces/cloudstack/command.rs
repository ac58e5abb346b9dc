//! Which command does what.

use super::super::world::World;
use super::state::Account;
use super::{Done, account, deploy, directory, job, no, things, vm};
use crate::proto::cloudstack::Command;

/// Does what a signed command asks for.
pub fn carry_out(world: &mut World, who: &Account, command: &Command) -> Done {
    match command.name().to_lowercase().as_str() {
        "deployvirtualmachine" => deploy::deploy(world, who, command),
        "startvirtualmachine" => vm::start(world, who, command),
        "stopvirtualmachine" => vm::stop(world, who, command),
        "rebootvirtualmachine" => vm::reboot(world, who, command),
        "destroyvirtualmachine" | "expungevirtualmachine" => vm::destroy(world, who, command),
        "updatevirtualmachine" => vm::update(world, who, command),
        "changeserviceforvirtualmachine" => vm::resize(world, who, command, false),
        "scalevirtualmachine" => vm::resize(world, who, command, true),
        "listvirtualmachines" => vm::list(world, who, command),
        "queryasyncjobresult" => job::query(world, who, command),
        "listasyncjobs" => job::list(world, who, command),
        "listzones" => things::zones(world, command),
        "listserviceofferings" => things::offerings(world, command),
        "createserviceoffering" => things::make_offering(world, who, command),
        "deleteserviceoffering" => things::remove_offering(world, who, command),
        "listtemplates" => things::templates(world, command),
        "registertemplate" => things::register_template(world, who, command),
        "deletetemplate" => things::remove_template(world, who, command),
        "listnetworks" => things::networks(world, who, command),
        "createnetwork" => things::make_network(world, who, command),
        "deletenetwork" => things::remove_network(world, who, command),
        "listnetworkofferings" => things::network_offerings(command),
        "createtags" => vm::tag(world, who, command, true),
        "deletetags" => vm::tag(world, who, command, false),
        "listtags" => vm::tags(world, who, command),
        "listhosts" => account::hosts(world, who, command),
        "listaccounts" => account::accounts(world, who, command),
        "listcapabilities" => account::capabilities(world, command),
        "listsshkeypairs" => directory::pairs(world, who, command),
        "createsshkeypair" => directory::make_pair(world, who, command),
        "registersshkeypair" => directory::register_pair(world, who, command),
        "deletesshkeypair" => directory::remove_pair(world, who, command),
        "listdomains" => directory::domains(world, command),
        "listusers" => directory::users(world, who, command),
        "listregions" => directory::regions(command),
        "listhypervisors" => directory::hypervisors(command),
        "listostypes" => directory::os_types(world, command),
        "listresourcelimits" => directory::limits(world, who, command),
        "listapis" => directory::apis(command),
        // kinds of which a simulated cloud has none
        "listpublicipaddresses" => things::none(command, "publicipaddress"),
        "listportforwardingrules" => things::none(command, "portforwardingrule"),
        "listipforwardingrules" => things::none(command, "ipforwardingrule"),
        "listfirewallrules" | "listegressfirewallrules" => things::none(command, "firewallrule"),
        "listloadbalancerrules" => things::none(command, "loadbalancerrule"),
        "listvolumes" => things::none(command, "volume"),
        "listsnapshots" => things::none(command, "snapshot"),
        "listdiskofferings" => things::none(command, "diskoffering"),
        "listisos" => things::none(command, "iso"),
        "listsecuritygroups" => things::none(command, "securitygroup"),
        "listaffinitygroups" => things::none(command, "affinitygroup"),
        "listprojects" => things::none(command, "project"),
        "listvpcs" => things::none(command, "vpc"),
        "listrouters" => things::none(command, "router"),
        name => Err(no(
            432,
            format!("The given command '{name}' does not exist, or is not simulated."),
        )),
    }
}
