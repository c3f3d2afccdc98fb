//! Where a run is looked at: the dashboard's port and the admin port, open as long as it works.

use std::future::Future;
use std::net::SocketAddr;

use api::ApiState;
use runtime::admin::{self, Admin};
use runtime::listen;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::commands::screen::Screen;
use crate::failure::Failure;

/// Both ports, bound.
pub(super) struct Ports {
    listener: TcpListener,
    admin_listener: TcpListener,
    urls: [SocketAddr; 2],
}

impl Ports {
    pub(super) async fn open(listen: &str, admin_listen: &str) -> Result<Self, Failure> {
        let listener = listen::bind(listen, "--listen").await?;
        let admin_listener = listen::bind(admin_listen, "--admin-listen").await?;
        let urls = [listener.local_addr()?, admin_listener.local_addr()?];
        Ok(Self { listener, admin_listener, urls })
    }

    pub(super) fn greet(&self, screen: &Screen) {
        screen.say(&format!("dashboard  http://{}", self.urls[0]));
        screen.say(&format!("admin      http://{}", self.urls[1]));
    }

    /// Serves until the work has ended. Work that nobody can look at is told to `stop`.
    pub(super) async fn serve_while(
        self,
        state: ApiState,
        admin: Admin,
        stop: CancellationToken,
        work: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let closed = CancellationToken::new();
        let close = closed.clone();
        let serving = tokio::spawn(async move {
            let served = api::serve(self.listener, state, close).await;
            stop.cancel();
            served
        });
        let admin_serving = tokio::spawn(admin::serve(self.admin_listener, admin, closed.clone()));
        let ended = work.await;
        closed.cancel();
        let served = serving.await.map_err(anyhow::Error::from)?;
        admin_serving.await.map_err(anyhow::Error::from)?;
        ended?;
        Ok(served?)
    }
}
