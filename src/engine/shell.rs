//! Carries effects out: each VIM call and inquiry is a task of its own whose answer comes back as an input.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::io::{Effect, Input};
use super::port::{MonitorRequest, Monitors, Vim, VimError, Vims};
use crate::model::vim::{VimOpRef, VimOpStatus};

/// Pause between two reads of a VIM's record that did not change.
const TRACK_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two reads of a VIM's record.
const TRACK_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Time that a VIM's record may be unreadable before it is called unknown, and that reading it may take before the VIM is
/// called silent.
const TRACK_PATIENCE: Duration = Duration::from_secs(10);

/// Knows the VIMs and the monitors; answers leave by a channel.
pub(super) struct Shell {
    vims: Arc<dyn Vims>,
    monitors: Arc<dyn Monitors>,
    answers: mpsc::UnboundedSender<Input>,
}

impl Shell {
    pub(super) fn new(
        vims: Arc<dyn Vims>,
        monitors: Arc<dyn Monitors>,
        answers: mpsc::UnboundedSender<Input>,
        probes: mpsc::Sender<Input>,
    ) -> Self {
        monitors.report_to(Box::new(move |report| {
            // No room: as if it had not been asked; the next poll comes. A closed channel: the engine stops.
            drop(probes.try_send(Input::Probe {
                vm: report.vm,
                kpi: report.kpi,
                generation: report.generation,
                verdict: report.verdict,
            }));
        }));
        Self {
            vims,
            monitors,
            answers,
        }
    }

    /// Carries one effect out; timers are the dispatcher's own.
    pub(super) fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Call {
                intent,
                vim,
                call,
                idempotency,
            } => {
                let vim = self.vim(vim);
                let fallen = Input::VimRefused {
                    intent: intent.clone(),
                    error: fallen(),
                };
                self.ask(fallen, async move {
                    match vim.call(call, idempotency).await {
                        Ok(accepted) => Input::VimAccepted { intent, accepted },
                        Err(error) => Input::VimRefused { intent, error },
                    }
                });
            }
            Effect::Track { intent, op, silent } => {
                let vim = self.vim(op.vim.clone());
                let fallen = Input::VimStatus {
                    intent: intent.clone(),
                    status: VimOpStatus::Unknown,
                };
                let answers = self.answers.clone();
                self.ask(fallen, async move {
                    // A closed channel means that the engine stops.
                    let tell = || {
                        let intent = intent.clone();
                        drop(answers.send(Input::VimSilent { intent }));
                    };
                    let status = follow(&*vim, op, (silent, TRACK_PATIENCE), tell).await;
                    Input::VimStatus { intent, status }
                });
            }
            Effect::Describe { intent, vim, vm } => {
                let vim = self.vim(vim);
                let fallen = Input::Described {
                    intent: intent.clone(),
                    result: Err(fallen()),
                };
                self.ask(fallen, async move {
                    let result = vim.describe(vm).await;
                    Input::Described { intent, result }
                });
            }
            Effect::FindByToken { intent, vim, token } => {
                let vim = self.vim(vim);
                let fallen = Input::FoundByToken {
                    intent: intent.clone(),
                    result: Err(fallen()),
                };
                self.ask(fallen, async move {
                    let result = vim.find_by_token(token).await;
                    Input::FoundByToken { intent, result }
                });
            }
            Effect::FindResource { intent, vim, what } => {
                let vim = self.vim(vim);
                let fallen = Input::FoundResource {
                    intent: intent.clone(),
                    result: Err(fallen()),
                };
                self.ask(fallen, async move {
                    let result = vim.find(what).await;
                    Input::FoundResource { intent, result }
                });
            }
            Effect::StartMonitor {
                vm,
                vim,
                vm_id,
                generation,
                kpis,
                interfaces,
            } => self.monitors.start(MonitorRequest {
                vm,
                vim,
                vm_id,
                generation,
                kpis,
                interfaces,
            }),
            Effect::StopMonitor { vm } => self.monitors.stop(&vm),
            Effect::Deliver(message) => drop(self.answers.send(Input::Message(message))),
            Effect::SetTimer { .. } | Effect::CancelTimer { .. } => {
                tracing::error!("a timer reached the shell");
            }
        }
    }

    fn vim(&self, id: String) -> Arc<dyn Vim> {
        self.vims.vim(&id).unwrap_or_else(|| Arc::new(NoVim(id)))
    }

    fn ask(&self, fallen: Input, question: impl Future<Output = Input> + Send + 'static) {
        let asked = Asked {
            answers: self.answers.clone(),
            answer: Some(fallen),
        };
        tokio::spawn(async move {
            asked.end(question.await);
        });
    }
}

/// A question under way: however its task ends, an answer comes, that of a panic being "nobody knows".
struct Asked {
    answers: mpsc::UnboundedSender<Input>,
    answer: Option<Input>,
}

impl Asked {
    fn end(mut self, answer: Input) {
        self.answer = Some(answer);
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            // A closed channel means that the engine stops; the intent row brings the question back.
            drop(self.answers.send(answer));
        }
    }
}

/// What is known of a call whose driver panicked.
fn fallen() -> VimError {
    VimError::Unknown("VIM Driver: internal error".to_owned())
}

/// Reads a VIM's record until it is terminal, or cannot be read for too long. That the VIM is silent is told when it is
/// noticed; that it answers again ends this.
async fn follow(
    vim: &dyn Vim,
    op: VimOpRef,
    (mut silent, patience): (bool, Duration),
    tell: impl Fn(),
) -> VimOpStatus {
    let mut pause = TRACK_PAUSE;
    let mut unreadable = Duration::ZERO;
    loop {
        let mut reading = vim.status(op.clone());
        let read = match tokio::time::timeout(patience, &mut reading).await {
            Ok(read) => read,
            Err(_) => {
                if !std::mem::replace(&mut silent, true) {
                    tell();
                }
                reading.await
            }
        };
        match read {
            Ok(going @ (VimOpStatus::Pending | VimOpStatus::Running)) => {
                if silent {
                    return going;
                }
                unreadable = Duration::ZERO;
            }
            Ok(terminal) => return terminal,
            Err(error) => {
                tracing::debug!(%error, op = op.id, "reading a VIM's record");
                if matches!(error, VimError::Down(_)) && !std::mem::replace(&mut silent, true) {
                    tell();
                }
                if unreadable >= patience {
                    return VimOpStatus::Unknown;
                }
                unreadable += pause;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(TRACK_PAUSE_MAX);
    }
}

/// Stands in for a VIM that is not configured. It refuses what is asked of it at once; what it holds is not lost,
/// only out of reach, so that nothing is ever seen of it either.
struct NoVim(String);

impl NoVim {
    fn refuse<T: Send + 'static>(&self) -> super::port::PortFuture<'_, Result<T, VimError>> {
        let line = format!("VIM [{}] is not configured.", self.0);
        Box::pin(async move { Err(VimError::Refused(vec![line])) })
    }
}

impl Vim for NoVim {
    fn id(&self) -> &str {
        &self.0
    }

    fn call(
        &self,
        _: super::port::VimCall,
        _: String,
    ) -> super::port::PortFuture<'_, Result<super::port::Accepted, VimError>> {
        self.refuse()
    }

    fn status(&self, _: VimOpRef) -> super::port::PortFuture<'_, Result<VimOpStatus, VimError>> {
        self.refuse()
    }

    fn describe(
        &self,
        _: crate::ids::VmId,
    ) -> super::port::PortFuture<'_, Result<Option<super::port::VimVm>, VimError>> {
        self.refuse()
    }

    fn find_by_token(
        &self,
        _: crate::ids::CreateToken,
    ) -> super::port::PortFuture<'_, Result<Vec<super::port::VimVm>, VimError>> {
        self.refuse()
    }

    fn find(
        &self,
        _: super::port::Find,
    ) -> super::port::PortFuture<'_, Result<Option<super::port::VimResource>, VimError>> {
        self.refuse()
    }

    fn landing_bound(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests;
