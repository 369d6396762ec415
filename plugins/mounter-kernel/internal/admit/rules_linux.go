package admit

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/sdk"
)

// Limits bound the whole result.
type Limits struct {
	Bytes   uint64 // lengths of all files
	Weight  uint64 // see tree.Totals
	Entries uint64
	Depth   int // elements of a path
	Path    int // bytes of a path
}

// maxShown bounds the part of a name that is put into a message.
const maxShown = 200

func refuse(name, why string) *sdk.Error {
	return sdk.Errorf(sdk.CodeInvalid, "The overlay cannot take %s: %s.", show(name), why)
}

func show(name string) string {
	if len(name) > maxShown {
		name = name[:maxShown] + "…"
	}
	return fmt.Sprintf("%q", name)
}

// checkName refuses names that no game file has and that break logs, terminals and pages.
func checkName(name string, l Limits) error {
	base := path.Base(name)
	switch {
	case !utf8.ValidString(base):
		return refuse(name, "its name is not valid UTF-8").WithHint("Rename it, for example with convmv.")
	case strings.ContainsFunc(base, unicode.IsControl):
		return refuse(name, "its name has a control character").WithHint("Rename it.")
	case len(name) > l.Path:
		return refuse(name, fmt.Sprintf("its path is longer than %d bytes", l.Path)).WithHint("Shorten it.")
	case strings.Count(name, "/")+1 > l.Depth:
		return refuse(name, fmt.Sprintf("it lies more than %d levels deep", l.Depth)).WithHint("Move it up.")
	}
	return nil
}

// kindNames say what is refused whatever its name.
func kindName(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFCHR:
		return "it is a character device"
	case unix.S_IFBLK:
		return "it is a block device"
	case unix.S_IFIFO:
		return "it is a FIFO"
	case unix.S_IFSOCK:
		return "it is a socket"
	}
	return "it is neither file, directory nor link"
}

// insideByText reports whether a link target stays in the tree if no directory on its way is a link.
// It is asked only about targets that do not exist.
func insideByText(link, target string) bool {
	if path.IsAbs(target) {
		return false
	}
	depth := strings.Count(link, "/")
	for element := range strings.SplitSeq(target, "/") {
		switch element {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return false
		}
	}
	return true
}
