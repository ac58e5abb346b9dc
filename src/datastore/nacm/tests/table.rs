//! Generated rules, groups and requests, each answered by the room and by the oracle.

use super::oracle::{Asked, Step, permits};
use super::*;
use crate::datastore::keys::Keys;
use crate::datastore::path::{Location, Step as At};
use crate::schema::NodeKind;

const TOP: Step = ("g", "top", &[]);
const ITEM_A: Step = ("g", "item", &[("name", "a"), ("kind", "1")]);
const ITEM_B: Step = ("g", "item", &[("name", "b"), ("kind", "2")]);
const ITEM_U: Step = ("g", "item", &[("name", "u"), ("kind", "1")]);

/// Everything that is asked for.
fn requests() -> Vec<Asked> {
    let mut all = vec![
        Asked::Operation("g", "run"),
        Asked::Operation("h", "run"),
        Asked::Operation("g", "danger"),
        Asked::Operation("ietf-netconf", "get"),
        Asked::Operation("ietf-netconf", "edit-config"),
        Asked::Operation("ietf-netconf", "kill-session"),
        Asked::Operation("ietf-netconf", "delete-config"),
        Asked::Operation("ietf-netconf", "close-session"),
        Asked::Operation("notifications", "create-subscription"),
        Asked::Event("g", "alarm"),
        Asked::Event("h", "alarm"),
        Asked::Event("g", "quiet"),
        Asked::Event("nc-notifications", "replayComplete"),
        Asked::Event("nc-notifications", "notificationComplete"),
    ];
    let places: [&[Step]; 15] = [
        &[TOP],
        &[TOP, ("g", "plain", &[])],
        &[TOP, ("g", "hidden", &[])],
        &[TOP, ("g", "fixed", &[])],
        &[TOP, ("g", "vault", &[])],
        &[TOP, ("g", "vault", &[]), ("g", "gold", &[])],
        &[TOP, ("g", "tag", &[(".", "t1")])],
        &[TOP, ("g", "tag", &[(".", "t2")])],
        &[TOP, ITEM_A],
        &[TOP, ITEM_A, ("g", "value", &[])],
        &[TOP, ITEM_B, ("g", "value", &[])],
        &[TOP, ITEM_U, ("g", "sub", &[]), ("g", "note", &[])],
        &[TOP, ITEM_A, ("h", "extra", &[])],
        &[("g", "other", &[])],
        &[("g", "other", &[]), ("g", "z", &[])],
    ];
    for place in places {
        for access in [Access::Create, Access::Read, Access::Update, Access::Delete] {
            all.push(Asked::Data(access, place.to_vec()));
        }
    }
    for item in [ITEM_A, ITEM_B, ITEM_U] {
        all.push(Asked::Data(
            Access::Exec,
            vec![TOP, item, ("g", "reset", &[])],
        ));
    }
    for item in [ITEM_A, ITEM_B, ITEM_U] {
        all.push(Asked::Data(
            Access::Read,
            vec![TOP, item, ("g", "changed", &[])],
        ));
    }
    all
}

fn location(steps: &[Step]) -> Location {
    let schema = schema();
    let mut at: Vec<At> = Vec::new();
    for (module, name, keys) in steps {
        let module = schema.module_by_name(module).unwrap();
        let is = |id: &&crate::schema::NodeId| {
            let def = schema.node(**id);
            def.module == module && &*def.name == *name
        };
        let node = match at.last() {
            None => schema.top_data().iter().find(is),
            Some(step) => {
                let def = schema.node(step.node);
                def.data_children.iter().chain(&def.children).find(is)
            }
        };
        let keys = (!keys.is_empty()).then(|| Keys::new(keys.iter().map(|(_, value)| *value)));
        at.push(At {
            node: *node.unwrap(),
            keys,
        });
    }
    Location(at)
}

/// The room's answer.
pub(super) fn answer(nacm: &Nacm, asked: &Asked) -> bool {
    let schema = schema();
    let top = |module: &str, name: &str| {
        let module = schema.module(schema.module_by_name(module).unwrap());
        schema.top(&module.namespace, name).unwrap()
    };
    match asked {
        Asked::Operation(module, name) => {
            let rpc = top(module, name);
            assert_eq!(schema.node(rpc).kind, NodeKind::Rpc);
            nacm.exec(rpc)
        }
        Asked::Event(module, name) => nacm.notification(top(module, name)),
        Asked::Data(access, steps) => nacm.data(*access, &location(steps)),
    }
}

/// Small, and always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        ((self.0 >> 33) % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}

const MODULES: [&str; 6] = ["", "", "*", "g", "h", "ietf-netconf"];
const OPERATIONS: [&str; 9] = [
    "",
    "*",
    "read",
    "exec",
    "create",
    "update delete",
    "create read update delete",
    "read exec",
    "delete",
];
const SUBJECTS: [&str; 29] = [
    "",
    "",
    "rpc *",
    "rpc run",
    "rpc kill-session",
    "rpc close-session",
    "rpc danger",
    "event *",
    "event alarm",
    "event quiet",
    "event replayComplete",
    "path /",
    "path /g:top",
    "path /g:top/g:vault",
    "path /g:top/g:hidden",
    "path /g:top/g:item",
    "path /g:top/g:item[g:name='a'][g:kind='1']",
    "path /g:top/g:item[g:name='b'][g:kind='2']",
    "path /g:top/g:item[g:name=$USER][g:kind='1']/g:sub",
    "path /g:top/g:item/h:extra",
    "path /g:top/g:tag[.='t1']",
    "path /g:top/g:item[g:name='a'][g:kind='1']/g:reset",
    "path /g:top/g:item[g:name='a']",
    "path /g:top/g:item[g:kind='1']",
    "path /g:top/g:item[g:kind='1']/g:value",
    "path /g:top/g:item[g:name=$USER]",
    "path /g:top/g:item[g:kind='1'][g:name='b']",
    "path /g:top/g:item[g:kind='1']/g:reset",
    "path /g:top/g:item[g:name='b']/g:changed",
];

fn rule(dice: &mut Dice, at: usize) -> String {
    let leaf = |name: &str, value: &str| match value {
        "" => String::new(),
        value => format!("<{name}>{value}</{name}>"),
    };
    let subject = dice.pick(&SUBJECTS).split_once(' ');
    let subject = match subject {
        None => String::new(),
        Some(("rpc", name)) => leaf("rpc-name", name),
        Some(("event", name)) => leaf("notification-name", name),
        Some((_, text)) => path(text),
    };
    format!(
        "<rule><name>r{at}</name>{}{subject}{}{}</rule>",
        leaf("module-name", dice.pick(&MODULES)),
        leaf("access-operations", dice.pick(&OPERATIONS)),
        leaf("action", dice.pick(&["permit", "deny"])),
    )
}

/// One `/nacm`.
pub(super) fn policy(seed: u64) -> String {
    let dice = &mut Dice(seed);
    let mut out = String::new();
    let leafs = [
        ("enable-nacm", ["", "", "", "", "", "true", "true", "false"]),
        (
            "read-default",
            ["", "", "", "permit", "permit", "deny", "deny", "deny"],
        ),
        (
            "write-default",
            ["", "", "", "permit", "permit", "permit", "deny", "deny"],
        ),
        (
            "exec-default",
            ["", "", "", "permit", "permit", "deny", "deny", "deny"],
        ),
        (
            "enable-external-groups",
            ["", "", "", "", "true", "true", "false", "false"],
        ),
    ];
    for (name, values) in leafs {
        let value = dice.pick(&values);
        if !value.is_empty() {
            out.push_str(&format!("<{name}>{value}</{name}>"));
        }
    }
    if dice.roll(2) == 0 {
        let user = dice.pick(&["u", "v"]);
        let group = dice.pick(&["guests", "ops"]);
        out.push_str(&format!(
            "<groups><group><name>{group}</name><user-name>{user}</user-name></group></groups>"
        ));
    }
    for list in 0..1 + dice.roll(3) {
        let groups: &[&str] = dice.pick(&[&["*"][..], &["ops"], &["guests"], &["ops", "guests"]]);
        out.push_str(&format!("<rule-list><name>l{list}</name>"));
        for group in groups {
            out.push_str(&format!("<group>{group}</group>"));
        }
        for at in 0..1 + dice.roll(4) {
            out.push_str(&rule(dice, at));
        }
        out.push_str("</rule-list>");
    }
    nacm(&out)
}

pub(super) fn groups(seed: u64) -> &'static [&'static str] {
    [&[][..], &["ops"], &["ops"], &["guests", "other"]][(seed % 4) as usize]
}

#[test]
fn every_decision_is_the_one_that_the_text_of_the_rfc_gives() {
    let mut cases = 0;
    let mut permitted = 0;
    let mut wrong = Vec::new();
    for seed in 0..120 {
        let config = policy(seed);
        let xml = xml::parse_str(&config).unwrap();
        let external = groups(seed);
        let nacm = Nacm::compile(&tree(&config), &member("u", external));
        for asked in requests() {
            let (mine, rfc) = (answer(&nacm, &asked), permits(&xml, "u", external, &asked));
            cases += 1;
            permitted += usize::from(rfc);
            if mine != rfc {
                wrong.push(format!(
                    "{seed} {asked:?} groups {external:?}: {mine}\n{config}"
                ));
            }
        }
    }
    println!("{cases} cases, {permitted} permitted");
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
    assert!(cases >= 400);
    // Neither answer alone would pass.
    assert!(
        permitted * 4 > cases && permitted * 4 < cases * 3,
        "{permitted} of {cases}"
    );
}
