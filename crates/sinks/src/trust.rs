//! Who vouches for receivers.

use std::path::Path;
use std::sync::Arc;

use lettre::transport::smtp;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::tls::{RootCerts, TlsConfig};

/// The authorities that certificates of receivers are checked by: the public ones that browsers know, unless a file
/// names others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// `None` for the public ones.
    named: Option<Arc<[CertificateDer<'static>]>>,
}

impl Trust {
    /// Trusts the authorities of a file in PEM, and no others.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn only(file: &Path) -> Result<Self, String> {
        let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let read = CertificateDer::pem_file_iter(file).map_err(|error| of_file(&error))?;
        let named: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| of_file(&error))?;
        let mut store = RootCertStore::empty();
        for authority in &named {
            store.add(authority.clone()).map_err(|error| of_file(&error))?;
        }
        if store.is_empty() {
            return Err(of_file(&"has no certificate; it must be PEM, with BEGIN CERTIFICATE"));
        }
        Ok(Self { named: Some(named.into()) })
    }

    /// For streams.
    pub(crate) fn roots(&self) -> RootCertStore {
        match &self.named {
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
            Some(named) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(named.iter().cloned());
                store
            }
        }
    }

    /// For requests.
    pub(crate) fn of_http(&self) -> TlsConfig {
        let roots = match &self.named {
            None => RootCerts::WebPki,
            Some(named) => named.iter().map(|authority| ureq::tls::Certificate::from_der(authority).to_owned()).into(),
        };
        TlsConfig::builder().root_certs(roots).build()
    }

    /// For mail to a server of this name.
    pub(crate) fn of_mail(&self, host: &str) -> Result<TlsParameters, smtp::Error> {
        let builder = TlsParameters::builder(host.to_owned());
        let Some(named) = &self.named else { return builder.build_rustls() };
        let builder = named.iter().try_fold(builder.certificate_store(CertificateStore::None), |builder, authority| {
            Ok::<_, smtp::Error>(builder.add_root_certificate(Certificate::from_der(authority.to_vec())?))
        });
        builder?.build_rustls()
    }
}
