//! How import farms are reached, and what they offer.

use std::collections::BTreeMap;

use portcullis_net::{Host, Net};

use super::definition::DeploymentPath;
use crate::client::{CallError, FarmAddress, FarmClient, Scheme, Terms};
use crate::config::{Account, normal_url};
use crate::message::{Request, Response, VirtualServer};

/// How import farms are reached.
#[derive(Clone, Debug)]
pub struct Targets<N> {
    /// This host, for farms that are reached by `http`.
    pub plain: Host<N>,
    /// This host, for farms that are reached by `https`: its network speaks TLS.
    pub secure: Host<N>,
    /// How clients speak; SOAP version and account are those of the path.
    pub terms: Terms,
    /// As whom, by the address of the Central Administration that a path names.
    pub accounts: BTreeMap<String, Account>,
}

/// The address of an import server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// It is none.
    #[error("the address of the import server is none")]
    Address,
    /// The password would cross the network unprotected, which the path's own address does not do.
    #[error("the import server is reached without TLS, unlike its farm")]
    Downgrade,
}

impl<N: Net> Targets<N> {
    /// A client of the Central Administration at `url`, on behalf of `path`.
    pub(super) fn client(
        &self,
        path: &DeploymentPath,
        url: &str,
    ) -> Result<FarmClient<N>, Unusable> {
        let of_path = path.administration_url.parse::<FarmAddress>();
        let is_secure = of_path.is_ok_and(|address| address.scheme == Scheme::Https);
        let address: FarmAddress = url.parse().map_err(|_| Unusable::Address)?;
        let mut terms = self.terms.clone();
        terms.version = path.soap;
        terms.account = self.account(&path.administration_url).cloned();
        let is_plain = address.scheme == Scheme::Http;
        if is_secure && is_plain && terms.account.is_some() {
            return Err(Unusable::Downgrade);
        }
        let host = if is_plain { &self.plain } else { &self.secure };
        Ok(FarmClient::new(host.clone(), address, terms))
    }

    /// As whom the farm is called whose Central Administration is there; nobody without one.
    #[must_use]
    pub fn account(&self, administration_url: &str) -> Option<&Account> {
        let wanted = normal_url(administration_url);
        let mut accounts = self.accounts.iter();
        let found = accounts.find(|(url, _)| normal_url(url) == wanted);
        found.map(|(_, account)| account)
    }
}

/// A web application that an import farm offers, with its site collections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The web application.
    pub application: VirtualServer,
    /// Its site collections.
    pub site_collections: Vec<String>,
}

/// What the farm at `address` offers to be deployed to, as the form for a new path shows it:
/// `GetVirtualServersInformation`, then `GetSiteCollectionNames` for each.
///
/// # Errors
/// See [`CallError`]; a farm that takes no incoming jobs answers with a fault (CD-54).
pub async fn offers<N: Net>(
    targets: &Targets<N>,
    address: FarmAddress,
) -> Result<Vec<Offer>, CallError> {
    let host = match address.scheme {
        Scheme::Http => &targets.plain,
        Scheme::Https => &targets.secure,
    };
    let mut terms = targets.terms.clone();
    terms.account = targets.account(&address.to_string()).cloned();
    let client = FarmClient::new(host.clone(), address, terms);
    let answer = client.call(&Request::GetVirtualServersInformation).await?;
    let Response::GetVirtualServersInformation(applications) = answer else {
        return Err(CallError::Malformed);
    };
    let mut offers = Vec::new();
    for application in applications {
        let virtual_server_url = application.url.clone();
        let request = Request::GetSiteCollectionNames { virtual_server_url };
        let Response::GetSiteCollectionNames(site_collections) = client.call(&request).await?
        else {
            return Err(CallError::Malformed);
        };
        offers.push(Offer {
            application,
            site_collections,
        });
    }
    Ok(offers)
}
