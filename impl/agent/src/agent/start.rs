//! What an agent needs before anything of it runs.

use std::sync::Arc;

use portcullis_net::{Host, Listener, Net, Tasks};
use portcullis_store::{Batch, OperationId, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::{Door, LargeFrames};
use crate::config::{Authentication, Config};
use crate::error::StartError;
use crate::observe::{AgentEvent, Observer, Warning};
use crate::records::Starts;
use crate::services::Services;
use crate::work::Work;

/// The agent's share of the world, for one start of it.
pub(super) async fn services<N: Net, S: Store, W: Work>(
    host: Host<N>,
    store: S,
    work: W,
    config: Config,
    observer: Observer,
) -> Result<Arc<Services<N, S, W>>, StartError> {
    let earlier = store
        .load::<Starts>(Starts::KEY)
        .await
        .map_err(StartError::Store)?;
    let starts = Starts {
        count: earlier.map_or(0, |s| s.record.count).saturating_add(1),
    };
    let services = Services {
        door: Door::default(),
        large_frames: LargeFrames::new(config.limits),
        jitter: host.random.fork(&format!("agent jitter {}", starts.count)),
        ids: host.random.fork(&format!("agent ids {}", starts.count)),
        leaving: CancellationToken::new(),
        conversations: TaskTracker::new(),
        tasks: Tasks::new(&host),
        host,
        store,
        work,
        config,
        observer,
    };
    let operation = OperationId::new(format!("starts/{}", starts.count));
    let batch = Batch::new(operation)
        .put(&starts)
        .map_err(StartError::Store)?;
    services
        .commit(batch, &[])
        .await
        .map_err(StartError::Store)?;
    Ok(Arc::new(services))
}

/// One listener. ET-6
pub(super) async fn bind<N: Net, S, W>(
    services: &Services<N, S, W>,
    port: u16,
    authentication: &Authentication,
) -> Result<N::Listener, StartError> {
    // ET-7: another program's outgoing connection may hold such a port when the agent starts.
    if services
        .config
        .dynamic_ports
        .as_ref()
        .is_some_and(|range| range.contains(&port))
    {
        services.announce(&AgentEvent::at_port(Warning::PortInDynamicRange, port));
    }
    let bound = services.host.net.bind(port).await;
    let listener = bound.map_err(|error| StartError::Bind {
        port,
        kind: error.kind(),
    })?;
    let address = listener.local_addr().ip();
    // ET-72: what other hosts can reach, they must prove themselves to.
    if authentication.suffices_at(address) {
        Ok(listener)
    } else {
        Err(StartError::Unauthenticated { port, address })
    }
}
