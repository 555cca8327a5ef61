//! The secrets of webhook endpoints, sealed while they are kept: signing takes the secret itself.

use std::fmt;

use domain::ports::EndpointSealer;
use domain::{Error, Result, WebhookId};

use crate::sealing::Sealing;
use crate::secrets::{Purpose, Secrets};

/// Seals secrets of webhook endpoints.
#[derive(Clone)]
pub struct WebhookSealer(Sealing);

impl WebhookSealer {
    /// With a key of its own, derived from the secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self(Sealing::new(secrets, Purpose::Webhook))
    }

    /// The secret as it is kept with that endpoint, and opens for no other one.
    pub fn seal(&self, endpoint: WebhookId, secret: &str) -> String {
        self.0.seal(&endpoint.to_string(), secret)
    }

    /// The secret, unless the seal is another endpoint's, was changed, or is of a deployment secret that is gone.
    pub fn open(&self, endpoint: WebhookId, sealed: &str) -> Option<String> {
        self.0.open(&endpoint.to_string(), sealed).map(|opened| opened.text)
    }
}

impl EndpointSealer for WebhookSealer {
    fn seal_anew(&self, endpoint: WebhookId, sealed: &str) -> Result<Option<String>> {
        let gone = || Error::Internal("a webhook's secret is sealed under a secret that is gone".into());
        let opened = self.0.open(&endpoint.to_string(), sealed).ok_or_else(gone)?;
        Ok((!opened.is_current).then(|| self.seal(endpoint, &opened.text)))
    }
}

impl fmt::Debug for WebhookSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;
    use crate::samples::{before_rotation, rotated, secrets};

    #[test]
    fn a_secret_opens_for_its_own_endpoint_alone() {
        let sealer = WebhookSealer::new(&secrets());
        let [one, other] = [1, 2].map(|millis| WebhookId::first_at(Timestamp::from_millis(millis)));
        let sealed = sealer.seal(one, "whsec_x");
        assert_eq!(sealer.open(one, &sealed).as_deref(), Some("whsec_x"));
        assert_eq!(sealer.open(other, &sealed), None);
        assert_eq!(format!("{sealer:?}"), "WebhookSealer(..)");
    }

    #[test]
    fn a_secret_is_sealed_anew_after_a_rotation_and_left_alone_otherwise() {
        let id = WebhookId::first_at(Timestamp::from_millis(1));
        let sealed = WebhookSealer::new(&before_rotation()).seal(id, "whsec_x");
        let after = WebhookSealer::new(&rotated());
        let anew = after.seal_anew(id, &sealed).expect("it opens").expect("it was sealed before");
        assert_eq!(after.open(id, &anew).as_deref(), Some("whsec_x"));
        assert_eq!(after.seal_anew(id, &anew).expect("it opens"), None);
        assert!(WebhookSealer::new(&secrets()).seal_anew(id, &sealed).is_err());
    }
}
