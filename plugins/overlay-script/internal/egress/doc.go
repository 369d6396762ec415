// Package egress lets a script reach the public internet and nothing else, without privilege on
// the host and without a packet filter.
//
// The script's network namespace has one interface, lo, and no way out. Every address is local to
// it (an AnyIP route, "local 0.0.0.0/0 dev lo"), so a connection to any public address arrives at a
// listener in the same namespace, whose socket the plugin holds. The relay looks at the address the
// script connected to, asks [Policy], and only then dials out from the plugin's own namespace. DNS
// is relayed to the configured resolvers in the same way. Denied networks are prohibited by routes
// as well, so that a script hears at once that it may not go there; the relay decides anyway.
//
// So no packet of a script ever reaches a host interface, and names, address forms and raw options
// of sockets do not matter. The price: TCP to the configured ports, and DNS, is all there is; and a
// connection that fails beyond the relay looks to the script like one that was reset.
package egress
