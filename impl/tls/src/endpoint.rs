//! One host's side of every TLS conversation: what it says of itself and what it accepts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_net::WallClock;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ResolvesServerCertUsingSni, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, KeyLog, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::identity::{Authorities, Identity, IdentityError, IdentityProblem, at};
use crate::verify::AnyName;

/// How long an acceptor lets a handshake take, unless told otherwise.
const HANDSHAKE_TIMER: Duration = Duration::from_secs(10);

/// A host's certificate and rules, ready for both directions. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) connector: TlsConnector,
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) handshake_timer: Duration,
    /// What must live as long as any connection.
    pub(crate) keep: Option<Arc<dyn Send + Sync>>,
}

impl Endpoint {
    /// The endpoint of a host whose clock is `wall`: certificates are valid or not by that clock.
    ///
    /// TLS 1.3 only, both sides with certificates, no session tickets: every connection proves both
    /// names anew. Cryptography is ring's, randomness the operating system's.
    ///
    /// # Errors
    /// When the identity's certificates or key cannot be used.
    pub fn new(identity: &Identity, wall: WallClock) -> Result<Self, IdentityError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Self::with(identity, wall, provider, Clients::Proven, None)
    }

    /// The endpoint of a server that serves clients without a certificate too: whom it lets in is
    /// decided above TLS. A client that shows a certificate must have one of the identity's
    /// authorities; where the identity has none, no client is asked for one.
    ///
    /// A client without a certificate has no names:
    /// [`Connection::peer_names`](portcullis_net::Connection::peer_names) is empty.
    ///
    /// # Errors
    /// When the identity's certificates or key cannot be used.
    pub fn open_to_all(identity: &Identity, wall: WallClock) -> Result<Self, IdentityError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Self::with(identity, wall, provider, Clients::Anybody, None)
    }

    /// The endpoint of a caller, which accepts nobody: it believes `authorities`, and shows the
    /// certificate of `own` to a server that asks for one.
    ///
    /// # Errors
    /// When the identity's certificate or key cannot be used.
    pub fn calling(
        authorities: &Authorities,
        own: Option<&Identity>,
        wall: WallClock,
    ) -> Result<Self, IdentityError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let time: Arc<dyn TimeProvider> = Arc::new(HostTime(wall));
        let certified = own.map(|own| own.certified(&provider)).transpose()?;
        let certified = certified.map(Arc::new);
        let client = client(authorities.store(), certified, &provider, &time)?;
        // It has a certificate for no name, so that every handshake fails.
        let nobody = Arc::new(ResolvesServerCertUsingSni::new());
        let server = ServerConfig::builder_with_details(provider, time)
            .with_protocol_versions(&[&TLS13])
            .map_err(refused)?
            .with_no_client_auth()
            .with_cert_resolver(nobody);
        Ok(Self {
            connector: TlsConnector::from(Arc::new(client)),
            acceptor: TlsAcceptor::from(Arc::new(server)),
            handshake_timer: HANDSHAKE_TIMER,
            keep: None,
        })
    }

    /// The same endpoint with another bound on how long an accepted connection may take for its
    /// handshake. Default: 10 s.
    #[must_use]
    pub fn handshake_timer(mut self, timer: Duration) -> Self {
        self.handshake_timer = timer;
        self
    }

    pub(crate) fn with(
        identity: &Identity,
        wall: WallClock,
        provider: Arc<CryptoProvider>,
        clients: Clients,
        key_log: Option<Arc<dyn KeyLog>>,
    ) -> Result<Self, IdentityError> {
        let certified = Arc::new(identity.certified(&provider)?);
        let time: Arc<dyn TimeProvider> = Arc::new(HostTime(wall));

        let own = Some(Arc::clone(&certified));
        let mut client = client(identity.authorities(), own, &provider, &time)?;

        let mut server = ServerConfig::builder_with_details(Arc::clone(&provider), time)
            .with_protocol_versions(&[&TLS13])
            .map_err(refused)?
            .with_client_cert_verifier(clients.verifier(identity, provider)?)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});

        if let Some(key_log) = key_log {
            client.key_log = Arc::clone(&key_log);
            server.key_log = key_log;
        }
        Ok(Self {
            connector: TlsConnector::from(Arc::new(client)),
            acceptor: TlsAcceptor::from(Arc::new(server)),
            handshake_timer: HANDSHAKE_TIMER,
            keep: None,
        })
    }
}

/// What a host that opens connections shows and believes.
fn client(
    authorities: Arc<RootCertStore>,
    own: Option<Arc<CertifiedKey>>,
    provider: &Arc<CryptoProvider>,
    time: &Arc<dyn TimeProvider>,
) -> Result<ClientConfig, IdentityError> {
    let builder = ClientConfig::builder_with_details(Arc::clone(provider), Arc::clone(time));
    let verifier = AnyName::new(authorities, Arc::clone(provider));
    let builder = builder
        .with_protocol_versions(&[&TLS13])
        .map_err(refused)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut client = match own {
        Some(own) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own))),
        None => builder.with_no_client_auth(),
    };
    client.resumption = Resumption::disabled();
    // The name would be the address that the connection goes to, which means nothing here.
    client.enable_sni = false;
    Ok(client)
}

fn refused(error: rustls::Error) -> IdentityError {
    at("certificate")(IdentityProblem::Certificate(error))
}

/// Whom an acceptor lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    /// Those with a certificate of an authority that is believed.
    Proven,
    /// Those too that show none.
    Anybody,
}

impl Clients {
    fn verifier(
        self,
        identity: &Identity,
        provider: Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, IdentityError> {
        let authorities = identity.authorities();
        if self == Self::Anybody && authorities.is_empty() {
            return Ok(WebPkiClientVerifier::no_client_auth());
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider);
        let verifier = match self {
            Self::Proven => verifier,
            Self::Anybody => verifier.allow_unauthenticated(),
        };
        verifier.build().map_err(|error| {
            let problem = rustls::Error::General(error.to_string());
            at("authorities")(IdentityProblem::Certificate(problem))
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("handshake_timer", &self.handshake_timer)
            .finish_non_exhaustive()
    }
}

/// A host's wall clock, as rustls asks for it.
#[derive(Debug)]
struct HostTime(WallClock);

impl TimeProvider for HostTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
