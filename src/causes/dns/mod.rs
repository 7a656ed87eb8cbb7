//! The name of the origin. No connection shows it: `why502 probe` asks for it.

super::area! {
    name_not_found,
    private_address,
}
