package admit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/plugins/mounter-kernel/internal/beneath"
	"github.com/left4me/left4me/plugins/mounter-kernel/internal/tree"
)

// checkFile notes what admission will mend and counts the names of hard-linked files.
func (i *inspector) checkFile(fresh tree.Entry, name string) error {
	if fresh.Kind() != unix.S_IFREG {
		return nil
	}
	if fresh.Stat.Mode&(unix.S_ISUID|unix.S_ISGID|unix.S_ISVTX) != 0 {
		i.plan.note("Took the set-user-id, set-group-id or sticky bit from %s.", show(name))
	}
	if fresh.Stat.Nlink > 1 {
		key := file{fresh.Stat.Dev, fresh.Stat.Ino}
		if _, seen := i.links[key]; !seen {
			i.links[key] = int(fresh.Stat.Nlink)
		}
		i.links[key]--
		if i.last == nil {
			i.last = map[file]string{}
		}
		i.last[key] = name
	}
	return nil
}

// outside refuses a file that has a name somewhere else too: whoever holds that name could change it.
func (i *inspector) outside() error {
	var names []string
	for key, missing := range i.links {
		if missing > 0 {
			names = append(names, i.last[key])
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return refuse(names[0], "it is a hard link to a file outside").WithHint("Copy the file.")
}

// checkLinks looks at every link of the finished tree, old ones too: what they lead through may have
// changed. Dangling links that stay inside are kept, because another layer can have the target.
func (p *Plan) checkLinks(root *beneath.Dir, links []string) error {
	slices.Sort(links)
	for _, link := range links {
		target, err := readlinkAt(root, link)
		if err != nil {
			return err
		}
		err = root.Resolve(link)
		switch {
		case err == nil:
		case (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)) && insideByText(link, target):
			p.note("The link %s leads to %s, which this overlay does not have.", show(link), show(target))
		case errors.Is(err, unix.ELOOP):
			return refuse(link, "it is a link that leads in a circle").WithHint("Remove the link.")
		case errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			return refuse(link, fmt.Sprintf("it is a link out of the overlay, to %s", show(target))).
				WithHint("Use a relative link within the overlay, or copy the file.")
		default:
			return fmt.Errorf("resolve %s: %w", link, err)
		}
	}
	return nil
}

// readlinkAt walks to the link without following any on the way.
func readlinkAt(root *beneath.Dir, name string) (string, error) {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return root.Readlink(name)
	}
	dir, err := root.Open(name[:slash])
	if err != nil {
		return "", err
	}
	defer dir.Close()
	return dir.Readlink(name[slash+1:])
}
