//! `lifeline demo`: the recovery story in one terminal, on a server of its own.
//!
//! A VM is deployed on the embedded VIM, crashes, its reboot fails, it is undeployed and redeployed;
//! a subscriber prints each event as it comes over SSH, then the same events are replayed.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::client::{Client, Credentials, HostKeyCheck, Target};
use crate::auth::{NewUser, UserStore};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::daemon::server::{Options, Server};
use crate::daemon::settings::Settings;
use crate::proto::esc::EscEvent;
use crate::proto::netconf::names;
use crate::xml::{self, Element};

/// What is deployed.
const DEPLOYMENT: &str = include_str!("../../examples/demo.xml");
/// What takes it away again.
const UNDEPLOYMENT: &str = include_str!("../../examples/demo-undeploy.xml");
/// The events of the story, in order, with their status codes.
const STORY: [(&str, u16); 11] = [
    ("CREATE_TENANT", 200),
    ("CREATE_NETWORK", 200),
    ("CREATE_SUBNET", 200),
    ("VM_DEPLOYED", 200),
    ("VM_ALIVE", 200),
    ("SERVICE_ALIVE", 200),
    ("VM_RECOVERY_INIT", 200),
    ("VM_RECOVERY_REBOOT", 500),
    ("VM_RECOVERY_UNDEPLOYED", 204),
    ("VM_RECOVERY_DEPLOYED", 200),
    ("VM_RECOVERY_COMPLETE", 200),
];
/// The driver's words of the failing reboot.
const DRIVER_WORDS: &str = "VIM Driver: VM powered on but in unexpected state:null";
/// Longest wait for one event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Play the recovery story on a server of its own.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Print the events as raw XML instead of a table.
    #[arg(long)]
    xml: bool,
}

/// One event as received.
#[derive(Clone, PartialEq)]
struct Received {
    time: Timestamp,
    event: EscEvent,
    text: String,
}

impl DemoArgs {
    /// Plays the story.
    ///
    /// # Errors
    /// When an event does not come, comes in the wrong order, or is not replayed as it was sent.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("starting the runtime")?;
        let dir = ScratchDir::new()?;
        let target = Target {
            host: "127.0.0.1".to_owned(),
            port: 0,
            user: "demo".to_owned(),
            credentials: Credentials::Password(format!("{:032x}", rand::random::<u128>())),
            host_key: HostKeyCheck::Accept,
            timeout: Duration::from_secs(30),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        add_user(&dir, &target, &*clock)?;
        let server = runtime.block_on(Server::start(Options {
            data_dir: dir.0.clone(),
            netconf: ([127, 0, 0, 1], 0).into(),
            http: None,
            http_insecure: false,
            settings: Settings::default(),
            clock,
            seed: rand::random(),
        }))?;
        let target = Target {
            port: server.address().port(),
            ..target
        };
        println!(
            "lifeline serves NETCONF on {}; one session subscribes, one operates",
            server.address()
        );
        let played = self.play(&target);
        runtime.block_on(server.stop());
        played?;
        println!("\nthe story was told in order, live and by replay");
        Ok(ExitCode::SUCCESS)
    }

    fn play(&self, target: &Target) -> anyhow::Result<()> {
        let mut subscriber = Client::connect(target)?;
        subscriber.rpc(&subscribe(None))?;
        let mut operator = Client::connect(target)?;
        println!("\n-> edit-config: tenant, network and deployment of one VM");
        operator.rpc(&edit(DEPLOYMENT))?;
        let mut told = Vec::new();
        let (deploy, recovery) = STORY.split_at(6);
        self.listen(&mut subscriber, deploy, &mut told)?;
        let vm = vm_name(&mut operator)?;
        println!("\n-> the VM {vm} crashes, and its next reboot will fail");
        inject(&mut operator, &vm, "reboot-fails", Some(DRIVER_WORDS))?;
        inject(&mut operator, &vm, "crash", None)?;
        self.listen(&mut subscriber, recovery, &mut told)?;
        check_recovery(&told)?;
        println!("\n-> another subscriber asks for the same by replay");
        let first = told.first().context("no event came")?.time;
        let mut late = Client::connect(target)?;
        late.rpc(&subscribe(Some(first)))?;
        let mut again = Vec::new();
        while again.len() < told.len() {
            again.push(receive(&mut late)?);
        }
        if again != told {
            bail!("the replay differs from what was sent live");
        }
        println!("   {} events, the same octets", again.len());
        println!("\n-> edit-config: the deployment is deleted");
        operator.rpc(&edit(UNDEPLOYMENT))?;
        let undeploy = [
            ("VM_UNDEPLOYED", 200),
            ("DELETE_SUBNET", 200),
            ("DELETE_NETWORK", 200),
            ("SERVICE_UNDEPLOYED", 200),
        ];
        self.listen(&mut subscriber, &undeploy, &mut told)?;
        late.close();
        operator.close();
        subscriber.close();
        Ok(())
    }

    /// Prints events as they come and compares them with the story.
    fn listen(
        &self,
        client: &mut Client,
        wanted: &[(&str, u16)],
        told: &mut Vec<Received>,
    ) -> anyhow::Result<()> {
        for (kind, code) in wanted {
            let received = receive(client)?;
            let event = &received.event;
            match self.xml {
                true => println!("{}", received.text),
                false => println!(
                    "   {}  {:<24} {:<7} {}  {}",
                    received.time,
                    event.event_type,
                    event.status.as_str(),
                    event.status_code,
                    event.status_message
                ),
            }
            if event.event_type != *kind || event.status_code != *code {
                bail!(
                    "expected {kind} {code}, received {} {}",
                    event.event_type,
                    event.status_code
                );
            }
            told.push(received);
        }
        Ok(())
    }
}

/// A directory that goes with its owner.
struct ScratchDir(std::path::PathBuf);

impl ScratchDir {
    fn new() -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("lifeline-demo-{:016x}", rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("lifeline: {} is left behind: {error}", self.0.display());
        }
    }
}

fn add_user(dir: &ScratchDir, target: &Target, clock: &dyn Clock) -> anyhow::Result<()> {
    let users = UserStore::load(&dir.0, crate::auth::Settings::default())?;
    let password = match &target.credentials {
        Credentials::Password(password) => Some(password.as_str()),
        Credentials::Key(..) => None,
    };
    let new = NewUser {
        name: &target.user,
        password,
        ..NewUser::default()
    };
    users.add(&new, clock.wall())?;
    Ok(())
}

fn subscribe(start: Option<Timestamp>) -> String {
    let start = start.map(|time| format!("<startTime>{time}</startTime>"));
    format!(
        "<create-subscription xmlns=\"{}\"><stream>escEvent</stream>{}</create-subscription>",
        names::NOTIFICATION,
        start.unwrap_or_default()
    )
}

fn edit(config: &str) -> String {
    format!("<edit-config><target><running/></target><config>{config}</config></edit-config>")
}

fn inject(client: &mut Client, vm: &str, fault: &str, words: Option<&str>) -> anyhow::Result<()> {
    let message = words.map(|words| format!("<message>{words}</message>"));
    client.rpc(&format!(
        "<inject xmlns=\"urn:lifeline:yang:lifeline-sim\"><vm-name>{vm}</vm-name><fault>{fault}</fault>{}</inject>",
        message.unwrap_or_default()
    ))?;
    Ok(())
}

/// The one VM's name, from opdata.
fn vm_name(client: &mut Client) -> anyhow::Result<String> {
    let reply = client.rpc(
        "<get><filter type=\"xpath\" select=\"/esc_datamodel/opdata//vm_instance/name\"/></get>",
    )?;
    find(&reply.element, "vm_instance")
        .and_then(|vm| vm.elements().find(|child| &*child.local == "name"))
        .map(Element::text)
        .context("opdata shows no VM")
}

fn find<'e>(element: &'e Element, local: &str) -> Option<&'e Element> {
    match &*element.local == local {
        true => Some(element),
        false => element.elements().find_map(|child| find(child, local)),
    }
}

fn receive(client: &mut Client) -> anyhow::Result<Received> {
    let text = client
        .notification(Some(PATIENCE))?
        .with_context(|| format!("no event within {} s", PATIENCE.as_secs()))?;
    let element = xml::parse_str(&text)?;
    let time = element
        .child(names::NOTIFICATION, "eventTime")
        .context("a notification without eventTime")?
        .text()
        .parse()?;
    let content = element
        .elements()
        .find(|child| &*child.local == "escEvent")
        .with_context(|| format!("not an escEvent: {text}"))?;
    Ok(Received {
        time,
        event: EscEvent::decode(content)?,
        text,
    })
}

/// The end of the story: the replacement is another VM of the same name.
fn check_recovery(told: &[Received]) -> anyhow::Result<()> {
    let last = &told.last().context("no event came")?.event;
    if last.vm_source.vmid == last.vm_target.vmid || last.vm_target.vmid.is_none() {
        bail!("the recovered VM is not a new one");
    }
    Ok(())
}
