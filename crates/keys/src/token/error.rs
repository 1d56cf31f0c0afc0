//! What can be wrong with a token, its module, its PIN and its keys. No error shows a PIN.

use std::path::PathBuf;

use cryptoki::error::Error;
use seawall_trust::KeyError;

/// Why something outside of this module failed.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a key of a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Nobody says which module speaks with the token.
    #[error(
        "say which module speaks with the token: `module-path=/usr/lib/…` behind a `?` in the key's address"
    )]
    ModuleNeeded,
    /// A module that is not loaded.
    #[error("the module {path} is not loaded: {reason}")]
    ModuleRefused {
        /// The module.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The module cannot be loaded or does not start.
    #[error("the module {path} cannot be used")]
    Module {
        /// The module.
        path: PathBuf,
        /// Why.
        #[source]
        source: Error,
    },
    /// The file of a PIN.
    #[error("cannot read the PIN from {path}: {reason}")]
    PinFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The user gives no PIN.
    #[error("there is no PIN for the token {token}")]
    NoPin {
        /// Its label.
        token: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// None or several tokens are meant.
    #[error("the address fits {fitting} of the tokens that are there: {there}")]
    Tokens {
        /// How many.
        fitting: usize,
        /// Their labels and serial numbers.
        there: String,
    },
    /// None or several keys are meant.
    #[error("the address fits {fitting} {what} in the token {token}{found}")]
    Keys {
        /// How many.
        fitting: usize,
        /// Of what kind.
        what: &'static str,
        /// The token's label.
        token: String,
        /// What they are called.
        found: String,
    },
    /// The PIN is wrong. It was tried once.
    #[error("the token {token} refuses the PIN; it was not tried again{left}")]
    WrongPin {
        /// The token's label.
        token: String,
        /// What the token says of the tries that are left.
        left: &'static str,
    },
    /// Too many wrong PINs were tried.
    #[error("the PIN of the token {0} is locked; its security officer can unlock it")]
    Locked(String),
    /// The token is gone.
    #[error("the token {0} is no longer there")]
    Gone(String),
    /// A key that cannot be used.
    #[error("a key of the token {token} is not supported: {reason}")]
    Unsupported {
        /// The token's label.
        token: String,
        /// Why.
        reason: String,
    },
    /// The public half of the key.
    #[error("the public key in the token {token} cannot be used")]
    PublicKey {
        /// The token's label.
        token: String,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The token does not do something.
    #[error("the token {token} does not {operation}")]
    Call {
        /// The token's label.
        token: String,
        /// What it was asked to do.
        operation: &'static str,
        /// Why.
        #[source]
        source: Error,
    },
}
