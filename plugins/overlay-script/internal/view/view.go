// Package view says what a script finds around it, the same in every sandbox: paths, variables, and a small /etc.
package view

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Tree is where a script sees its overlay. It is also the script's working directory.
const Tree = "/overlay"

// Environment returns the variables of a script. OVERLAY cannot be changed by extra.
func Environment(extra map[string]string) map[string]string {
	values := map[string]string{
		"HOME": "/tmp", "TMPDIR": "/tmp", "USER": "overlay", "LOGNAME": "overlay", "SHELL": "/bin/bash",
		"LANG": "C.UTF-8", "TERM": "dumb",
		"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
	}
	maps.Copy(values, extra)
	values["OVERLAY"] = Tree
	return values
}

// Etc returns the files of a script's /etc by name: who it is, and how names are found.
func Etc(uid, gid int, hosts map[string]netip.Addr, resolvers []netip.Addr) map[string][]byte {
	var names, resolv bytes.Buffer
	names.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		fmt.Fprintf(&names, "%s %s\n", hosts[name], name)
	}
	for _, resolver := range resolvers {
		fmt.Fprintf(&resolv, "nameserver %s\n", resolver)
	}
	resolv.WriteString("options timeout:3 attempts:2\n")
	return map[string][]byte{
		"passwd":        fmt.Appendf(nil, "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\noverlay:x:%d:%d:overlay:/tmp:/bin/bash\n", uid, gid),
		"group":         fmt.Appendf(nil, "root:x:0:\noverlay:x:%d:\n", gid),
		"nsswitch.conf": []byte("passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"),
		"hosts":         names.Bytes(),
		"resolv.conf":   resolv.Bytes(),
	}
}
