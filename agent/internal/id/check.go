package id

import "github.com/left4me/left4me/agent/internal/fault"

// CheckName refuses what ValidName calls wrong, with a fault for a person. kind is the thing that would
// bear the name, for example "server". The name itself is not repeated: it may be anything.
func CheckName(kind, name string) error {
	if ValidName(name) {
		return nil
	}
	return fault.New(fault.Invalid, "This is no name for %s: use 1 to %d characters of a-z, 0-9, _ and -, the first a letter or digit.",
		article(kind), maxName).WithField("name").WithHint("For example my-%s-1.", kind)
}

func article(noun string) string {
	switch noun[0] {
	case 'a', 'e', 'i', 'o', 'u':
		return "an " + noun
	}
	return "a " + noun
}
