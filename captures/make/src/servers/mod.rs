//! Real servers, with configurations that a scenario completes. One file each.

pub(crate) mod apache;
pub(crate) mod caddy;
pub(crate) mod dropbear;
pub(crate) mod gnutls;
pub(crate) mod gunicorn;
pub(crate) mod haproxy;
pub(crate) mod nginx;
pub(crate) mod node;
pub(crate) mod openssl;
pub(crate) mod php;
pub(crate) mod redis;
pub(crate) mod tomcat;
pub(crate) mod uvicorn;
pub(crate) mod websockets;
