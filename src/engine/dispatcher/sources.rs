//! Where inputs come from, and how many of them make one batch.

use std::collections::VecDeque;

use tokio::sync::{mpsc, oneshot};

use super::DRAIN;
use crate::engine::handle::{Item, plain};
use crate::engine::io::Input;

/// Deployments and shared resources of a change that are one input at most.
const PIECE: usize = 64;

/// Where inputs come from.
pub(super) struct Sources {
    pub inputs: mpsc::Receiver<Item>,
    /// Taken from there, in order, and not handled yet.
    pub backlog: VecDeque<Item>,
    pub answers: mpsc::UnboundedReceiver<Input>,
    pub probes: mpsc::Receiver<Input>,
    pub stop: oneshot::Receiver<()>,
}

impl Sources {
    /// Adds what is there already: each source has its share, so that none starves another.
    pub fn drain(&mut self, items: &mut Vec<Item>) {
        while items.len() < DRAIN / 2
            && let Ok(input) = self.answers.try_recv()
        {
            items.push(plain(input));
        }
        while items.len() < DRAIN * 3 / 4
            && let Ok(input) = self.probes.try_recv()
        {
            items.push(plain(input));
        }
        let mut weight = items.len();
        loop {
            if self.backlog.is_empty() {
                match self.inputs.try_recv() {
                    Ok(item) => self.backlog.extend(pieces(item)),
                    Err(_) => return,
                }
            }
            if let Some(item) = self.backlog.pop_front() {
                weight += item.weight();
                items.push(item);
            }
            if weight >= DRAIN {
                return;
            }
        }
    }
}

impl Item {
    /// How many inputs it counts for.
    fn weight(&self) -> usize {
        match &self.input {
            Input::Desired {
                deployments,
                resources,
                ..
            } => (deployments.len() + resources.len()).max(1),
            _ => 1,
        }
    }
}

/// A change of the configuration in pieces, resources first: deployments may need them. Whoever waits for it
/// waits for the last one.
pub(super) fn pieces(item: Item) -> Vec<Item> {
    if item.weight() <= PIECE {
        return vec![item];
    }
    let Item { input, done } = item;
    let Input::Desired {
        revision,
        deployments,
        resources,
        more,
    } = input
    else {
        return vec![Item { input, done }];
    };
    let piece = |deployments, resources| {
        plain(Input::Desired {
            revision,
            deployments,
            resources,
            more: true,
        })
    };
    let resources = chunks(resources).map(|some| piece(Vec::new(), some));
    let deployments = chunks(deployments).map(|some| piece(some, Vec::new()));
    let mut all: Vec<Item> = resources.chain(deployments).collect();
    if let Some(last) = all.last_mut() {
        if let Input::Desired { more: flag, .. } = &mut last.input {
            *flag = more;
        }
        last.done = done;
    }
    all
}

fn chunks<T>(all: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut left = all.into_iter();
    std::iter::from_fn(move || {
        let some: Vec<T> = left.by_ref().take(PIECE).collect();
        (!some.is_empty()).then_some(some)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::handle::{DesiredChange, Done};
    use crate::ids::{DeploymentKey, Revision};
    use crate::model::resource::{ResourceKey, ResourceKind};

    fn change(deployments: usize, resources: usize) -> Item {
        let DesiredChange { revision, .. } = DesiredChange::default();
        let (done, _) = oneshot::channel();
        let key = |n: usize| ResourceKey {
            vim: "v".to_owned(),
            kind: ResourceKind::Tenant,
            tenant: None,
            name: n.to_string(),
        };
        Item {
            input: Input::Desired {
                revision,
                deployments: (0..deployments)
                    .map(|n| (DeploymentKey::new("t", n.to_string()), None))
                    .collect(),
                resources: (0..resources).map(|n| (key(n), None)).collect(),
                more: false,
            },
            done: Done::Durable(done),
        }
    }

    /// Nothing is lost or changes places, the last piece alone is the end, and whoever waits waits for it.
    #[test]
    fn a_large_change_comes_in_pieces_resources_first() {
        for (deployments, resources) in [(0, 0), (3, 61), (64, 0), (1, 64), (200, 130), (0, 65)] {
            let all = pieces(change(deployments, resources));
            let (mut seen, mut things) = (0, 0);
            for (n, item) in all.iter().enumerate() {
                assert!(item.weight() <= PIECE);
                let Input::Desired {
                    revision,
                    deployments: some,
                    resources: other,
                    more,
                } = &item.input
                else {
                    panic!("something else");
                };
                assert_eq!(*revision, Revision::default());
                let last = n + 1 == all.len();
                assert_eq!(*more, !last);
                assert_eq!(matches!(item.done, Done::Durable(_)), last);
                for (key, _) in other {
                    assert_eq!((key.name.as_str(), seen), (&*things.to_string(), 0));
                    things += 1;
                }
                for (key, _) in some {
                    assert_eq!(key.name, seen.to_string());
                    seen += 1;
                }
            }
            assert_eq!((seen, things), (deployments, resources));
        }
    }

    /// One run takes its measure of a large change, and answers come between.
    #[test]
    fn answers_and_timers_do_not_wait_for_the_whole_of_a_large_change() {
        let (inputs, from) = mpsc::channel(4);
        let (answers, answered) = mpsc::unbounded_channel();
        let (_probes, probed) = mpsc::channel(4);
        let (_stop, stopped) = oneshot::channel();
        let mut sources = Sources {
            inputs: from,
            backlog: VecDeque::new(),
            answers: answered,
            probes: probed,
            stop: stopped,
        };
        inputs.try_send(change(0, 10_000)).unwrap();
        inputs.try_send(change(1, 0)).unwrap();
        let mut runs = 0;
        loop {
            answers.send(Input::KillSwitch { on: true }).unwrap();
            let mut items = Vec::new();
            sources.drain(&mut items);
            assert!(matches!(items[0].input, Input::KillSwitch { .. }));
            let weight: usize = items.iter().map(Item::weight).sum();
            assert!(weight < DRAIN + PIECE);
            if items.len() == 1 {
                break;
            }
            runs += 1;
        }
        assert_eq!(runs, 20);
    }
}
