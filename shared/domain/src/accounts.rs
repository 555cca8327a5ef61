//! Accounts: registration, login, and the rotation of refresh tokens.

use std::time::Duration;

use futures_util::future::{join, try_join};

use crate::ports::{Counted, Families, PasswordHasher, PresentedRefresh, RefreshMint, Rotation, Throttles, Users};
use crate::{Context, Email, Error, FamilyId, Password, Result, Timestamp, User, UserId, Username};

/// A login: the account and the newest refresh token of its family.
pub struct Grant {
    /// Who logged in.
    pub user: User,
    /// The login.
    pub family: FamilyId,
    /// The refresh token, for the client alone.
    pub refresh_token: String,
    /// When it runs out.
    pub refresh_expires_at: Timestamp,
}

/// A request to open an account.
pub struct Registration {
    /// The wanted name.
    pub username: Username,
    /// The address.
    pub email: Email,
    /// The password in clear.
    pub password: Password,
    /// The network address that asks.
    pub address: String,
}

/// Opens an account and logs it in.
pub async fn register(
    store: &(impl Users + Families + Throttles + Sync),
    hasher: &impl PasswordHasher,
    mint: &impl RefreshMint,
    context: Context<'_>,
    registration: Registration,
) -> Result<Grant> {
    let counted = Counted::RegistrationsOfAddress(registration.address);
    store.hit(&counted, context.policy.registrations_per_address, context.now).await?;
    let user = User {
        id: UserId::new(context.ids, context.now),
        username: registration.username,
        email: registration.email,
        password: hasher.hash(&registration.password).await?,
        created_at: context.now,
        last_login_at: Some(context.now),
    };
    store.create(&user).await?;
    grant(store, mint, context, user).await
}

/// Logs in. Every try is counted before the password is looked at, so that parallel guesses cannot slip
/// past the limit, and taken back when it succeeds.
pub async fn login(
    store: &(impl Users + Families + Throttles + Sync),
    hasher: &impl PasswordHasher,
    mint: &impl RefreshMint,
    context: Context<'_>,
    email: &Email,
    password: &Password,
    address: &str,
) -> Result<Grant> {
    let account = Counted::FailedLoginsOfAccount(email.key());
    let network = Counted::FailedLoginsOfAddress(address.to_owned());
    let (policy, now) = (context.policy, context.now);
    try_join(
        store.hit(&account, policy.failed_logins_per_account, now),
        store.hit(&network, policy.failed_logins_per_address, now),
    )
    .await?;
    let user = store.by_email(email).await?;
    let fits = hasher.verify(password, user.as_ref().map(|u| &u.password)).await?;
    let mut user = user.filter(|_| fits).ok_or(Error::InvalidCredentials)?;
    let (refunds, recorded) =
        join(try_join(store.refund(&account, now), store.refund(&network, now)), store.record_login(user.id, now))
            .await;
    refunds?;
    recorded?;
    user.last_login_at = Some(now);
    grant(store, mint, context, user).await
}

/// Exchanges a refresh token for the next one. A token that was used before revokes its family.
pub async fn refresh(
    store: &(impl Users + Families + Sync),
    mint: &impl RefreshMint,
    context: Context<'_>,
    presented: &PresentedRefresh,
) -> Result<Grant> {
    let next = mint.mint(presented.user, presented.family);
    let expires_at = context.now + context.policy.refresh_token;
    match store.rotate(presented, &next.hash, expires_at, context.now).await? {
        Rotation::Rotated => {}
        Rotation::Reused => {
            store.revoke(presented.user, presented.family).await?;
            return Err(Error::InvalidRefreshToken);
        }
        Rotation::Unknown => return Err(Error::InvalidRefreshToken),
    }
    let user = store.by_id(presented.user).await?.ok_or(Error::InvalidRefreshToken)?;
    Ok(Grant { user, family: presented.family, refresh_token: next.token, refresh_expires_at: expires_at })
}

/// Ends a login: its refresh tokens are good for nothing any more. Only the newest one, or one used before, proves
/// that the login is the caller's.
pub async fn logout(
    store: &(impl Families + Sync),
    mint: &impl RefreshMint,
    context: Context<'_>,
    presented: &PresentedRefresh,
) -> Result<()> {
    let unused = mint.mint(presented.user, presented.family);
    match store.rotate(presented, &unused.hash, context.now, context.now).await? {
        Rotation::Rotated | Rotation::Reused => store.revoke(presented.user, presented.family).await,
        Rotation::Unknown => Err(Error::InvalidRefreshToken),
    }
}

/// Changes the password, revokes every family and starts a new one for the caller.
pub async fn change_password(
    store: &(impl Users + Families + Throttles + Sync),
    hasher: &impl PasswordHasher,
    mint: &impl RefreshMint,
    context: Context<'_>,
    user: UserId,
    current: &Password,
    new: &Password,
) -> Result<Grant> {
    let mut user = prove_password(store, hasher, context, user, current).await?;
    let hash = hasher.hash(new).await?;
    if !store.replace_password(user.id, &user.password, &hash).await? {
        return Err(Error::InvalidCredentials);
    }
    user.password = hash;
    let family = FamilyId::new(context.ids, context.now);
    let grant = start_family(store, mint, context, user, family).await?;
    store.revoke_all(grant.user.id, Some(family)).await?;
    Ok(grant)
}

/// The caller's account, once the password proved that it is theirs. Wrong ones count as failed logins.
pub async fn prove_password(
    store: &(impl Users + Throttles + Sync),
    hasher: &impl PasswordHasher,
    context: Context<'_>,
    user: UserId,
    password: &Password,
) -> Result<User> {
    let user = store.by_id(user).await?.ok_or(Error::Unauthorized)?;
    let counted = Counted::FailedLoginsOfAccount(user.email.key());
    store.hit(&counted, context.policy.failed_logins_per_account, context.now).await?;
    if !hasher.verify(password, Some(&user.password)).await? {
        return Err(Error::InvalidCredentials);
    }
    store.refund(&counted, context.now).await?;
    Ok(user)
}

async fn grant(
    store: &(impl Families + Sync),
    mint: &impl RefreshMint,
    context: Context<'_>,
    user: User,
) -> Result<Grant> {
    let family = FamilyId::new(context.ids, context.now);
    start_family(store, mint, context, user, family).await
}

async fn start_family(
    store: &(impl Families + Sync),
    mint: &impl RefreshMint,
    context: Context<'_>,
    user: User,
    family: FamilyId,
) -> Result<Grant> {
    let minted = mint.mint(user.id, family);
    let lifetime: Duration = context.policy.refresh_token;
    let refresh_expires_at = context.now + lifetime;
    store.start(user.id, family, &minted.hash, refresh_expires_at).await?;
    Ok(Grant { user, family, refresh_token: minted.token, refresh_expires_at })
}
