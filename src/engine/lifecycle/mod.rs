//! Deployments and their VMs: deploy, update, undeploy, service and VM actions, and what a recovery asks for.
//!
//! `deployment` runs one operation at a time through its phases; `vm` runs one job at a time on one VM and
//! speaks to the call machine; `heal` carries the acts of `recovery::step` out.

mod action;
mod asked;
pub(crate) mod deployment;
mod drain;
mod ending;
pub(crate) mod heal;
pub(crate) mod operation;
pub(crate) mod prepare;
pub(crate) mod vm;
pub(crate) mod vm_call;
mod vm_view;
