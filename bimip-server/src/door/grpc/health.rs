//! `grpc.health.v1.Health`: whether the server takes what is sent, as `GET /health` says it.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::server::Server;

pub(super) fn service(server: &Server) -> HealthServer<impl Health> {
    HealthServer::new(Asked(server.clone()))
}

/// GR-HLTH-1.
struct Asked(Server);

impl Asked {
    fn knows(service: &str) -> bool {
        service.is_empty() || service == bimip_codec::grpc::SERVICE
    }
}

fn answer(serving: bool) -> HealthCheckResponse {
    let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for Asked {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !Self::knows(&request.get_ref().service) {
            return Err(Status::not_found("no such service"));
        }
        Ok(Response::new(answer(self.0.is_serving())))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if !Self::knows(&request.get_ref().service) {
            let unknown = HealthCheckResponse { status: ServingStatus::ServiceUnknown.into() };
            // Kept open, as the protocol has it.
            return Ok(Response::new(stream::iter([Ok(unknown)]).chain(stream::pending()).boxed()));
        }
        let now = self.0.is_serving();
        let server = self.0.clone();
        let change = stream::once(async move {
            if now {
                server.serves_no_more().await;
            } else {
                std::future::pending::<()>().await;
            }
            Ok(answer(false))
        });
        Ok(Response::new(stream::iter([Ok(answer(now))]).chain(change).boxed()))
    }
}
