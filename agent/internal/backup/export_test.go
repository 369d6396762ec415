package backup

// Locate says whether a name has a place on a host, and which.
func Locate(name string) (server, below, other string, ok bool) {
	at, ok := locate(name)
	return at.server, at.below, at.config + at.database, ok
}
