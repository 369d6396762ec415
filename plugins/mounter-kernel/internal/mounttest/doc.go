// Package mounttest runs tests that mount: in a mount namespace of their own, so that no mount outlives
// the test binary, as root or as the only user of a user namespace.
package mounttest
