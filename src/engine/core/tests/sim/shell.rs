//! The shell: effects carried out, timers, probes, answers on their way.

use super::*;

impl Sim {
    pub fn send_all(&mut self) {
        let mut deployments: Vec<_> = self
            .desired
            .iter()
            .map(|(key, it)| (key.clone(), Some(it.clone())))
            .collect();
        // The shell names what it knows to exist and is configured no more.
        for change in self.core.records() {
            if let RecordChange::Deployment(key, _) = change
                && !self.desired.contains_key(&key)
            {
                deployments.push((key, None));
            }
        }
        let resources = vec![(tenant_key(), Some(ResourceSpec::Tenant { managed: true }))];
        self.input(Input::Desired {
            revision: Revision(1),
            deployments,
            resources,
            more: false,
        });
    }

    pub(super) fn later(&mut self, after: Duration, what: Shell) {
        self.seq += 1;
        self.shell.insert((self.now + after, self.seq), what);
    }

    pub(super) fn in_world(&mut self, after: Duration, what: World) {
        self.seq += 1;
        self.world.insert((self.now + after, self.seq), what);
    }

    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Call {
                intent,
                vim,
                call,
                idempotency,
            } => {
                assert_eq!(vim, VIM);
                let id = serde_json::to_string(&intent).unwrap();
                let stored = self
                    .rows
                    .values()
                    .any(|row| String::from_utf8_lossy(row).contains(&id));
                assert!(stored, "a call without a durable intent: {call:?}");
                self.in_flight.insert(intent.clone());
                self.most_in_flight = self.most_in_flight.max(self.in_flight.len());
                self.in_world(HOP, World::Call(intent, call, idempotency));
            }
            Effect::Track { intent, op, silent } => {
                self.read(intent, op, (silent, Duration::ZERO));
            }
            Effect::Describe { intent, vm, .. } => self.later(HOP, Shell::Describe(intent, vm)),
            Effect::FindByToken { intent, token, .. } => {
                self.later(HOP, Shell::Token(intent, token))
            }
            Effect::FindResource { intent, what, .. } => self.later(HOP, Shell::Find(intent, what)),
            Effect::StartMonitor {
                vm,
                vm_id,
                generation,
                kpis,
                ..
            } => {
                self.monitors.insert(vm.clone(), (generation, vm_id));
                for kpi in kpis {
                    self.later(
                        kpi.poll,
                        Shell::Probe(vm.clone(), kpi.event_name, generation),
                    );
                }
            }
            Effect::StopMonitor { vm } => {
                self.monitors.remove(&vm);
            }
            Effect::SetTimer { key, after } => self.later(after, Shell::Timer(key)),
            Effect::CancelTimer { key } => {
                self.shell
                    .retain(|_, it| !matches!(it, Shell::Timer(other) if *other == key));
            }
            Effect::Deliver(message) => {
                self.later(
                    Duration::ZERO,
                    Shell::Input(Box::new(Input::Message(message))),
                );
            }
        }
    }

    /// A record is read when it is final, at the latest in a second.
    fn read(&mut self, intent: IntentId, op: VimOpRef, so_far: (bool, Duration)) {
        let at = self.vim.ops.get(&op.id).map_or(self.now, |(at, _)| *at);
        let after = match so_far.1.is_zero() {
            true => (at.saturating_sub(self.now) + HOP).min(SECOND),
            false => SECOND,
        };
        self.later(after, Shell::Status(intent, op, so_far));
    }

    pub(super) fn answer(&mut self, input: Input) {
        if self.twice {
            self.later(HOP * 3, Shell::Input(Box::new(input.clone())));
        }
        self.later(HOP, Shell::Input(Box::new(input)));
    }

    pub(super) fn run_world(&mut self) {
        while let Some(at) = self
            .world
            .keys()
            .next()
            .copied()
            .filter(|at| at.0 <= self.now)
        {
            let what = self.world.remove(&at).unwrap();
            self.happen(what);
        }
    }

    pub(super) fn shell_step(&mut self, what: Shell) {
        let down = || VimError::Down("connection refused".into());
        match what {
            Shell::Input(input) => {
                if let Input::VimAccepted { .. } = &*input {}
                self.input(*input);
            }
            Shell::Timer(key) => self.input(Input::Timer(key)),
            Shell::Describe(intent, vm) => {
                let found = self.vim.vms.get(&vm).map(|it| show(&vm, it));
                let result = if self.is_down() {
                    Err(down())
                } else {
                    Ok(found)
                };
                self.answer(Input::Described { intent, result });
            }
            Shell::Token(intent, token) => {
                let found = self.vim.vms.iter().filter(|(_, vm)| vm.token == token);
                let found: Vec<_> = found.map(|(id, vm)| show(id, vm)).collect();
                let result = if self.is_down() {
                    Err(down())
                } else {
                    Ok(found)
                };
                self.answer(Input::FoundByToken { intent, result });
            }
            Shell::Find(intent, find) => {
                let found = self.vim.things.get(&find_key(&find)).cloned();
                let result = if self.is_down() {
                    Err(down())
                } else {
                    Ok(found)
                };
                self.answer(Input::FoundResource { intent, result });
            }
            Shell::Status(intent, op, (silent, unreadable)) => {
                let found = self.vim.ops.get(&op.id).cloned();
                let (at, status) = found.unwrap_or((self.now, VimOpStatus::Unknown));
                let status = match () {
                    () if self.is_down() && unreadable < SECOND * 10 => {
                        self.read(intent.clone(), op, (true, unreadable + SECOND));
                        if !silent {
                            self.answer(Input::VimSilent { intent });
                        }
                        return;
                    }
                    () if self.is_down() => VimOpStatus::Unknown,
                    () if at > self.now && !silent => {
                        return self.read(intent, op, (false, unreadable));
                    }
                    () if at > self.now => VimOpStatus::Running,
                    () => status,
                };
                self.answer(Input::VimStatus { intent, status });
            }
            Shell::Probe(vm, kpi, generation) => {
                let Some((current, vm_id)) = self.monitors.get(&vm).cloned() else {
                    return;
                };
                if current != generation {
                    return;
                }
                let alive = self.vim.vms.get(&vm_id).is_some_and(|it| {
                    it.power == PowerState::Running && !it.dead && it.answers_from <= self.now
                });
                let verdict = if alive {
                    Verdict::Alive(0.3)
                } else {
                    Verdict::NoAnswer
                };
                self.later(
                    Duration::from_secs(1),
                    Shell::Probe(vm.clone(), kpi.clone(), generation),
                );
                self.input(Input::Probe {
                    vm,
                    kpi,
                    generation,
                    verdict,
                });
            }
        }
    }

    pub(super) fn happen(&mut self, what: World) {
        match what {
            World::Land(change) => self.land(change),
            World::Call(intent, call, idempotency) => {
                self.in_flight.remove(&intent);
                match self.receive(call, idempotency) {
                    Ok(accepted) => self.answer(Input::VimAccepted { intent, accepted }),
                    Err(error) => self.answer(Input::VimRefused { intent, error }),
                }
            }
        }
    }
}
