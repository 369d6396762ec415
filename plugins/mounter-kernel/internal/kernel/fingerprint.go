package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/left4me/left4me/sdk/mounter"
)

// fingerprint names a stack: equal stacks in equal order have equal ones. 32 hexadecimal digits, so
// that the mount's source stays short.
func fingerprint(layers []mounter.Layer) string {
	names := make([]string, len(layers))
	for i, l := range layers {
		names[i] = l.String()
	}
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return hex.EncodeToString(sum[:16])
}
