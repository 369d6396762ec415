package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/left4me/left4me/agent/internal/fault"
)

// most bounds what is held in memory of an archive.
const most = 64 << 20

// Verify reads all of a backup and checks its sums and every name in it. Nothing is written.
func Verify(ctx context.Context, source string) (Manifest, error) {
	var manifest, said []byte
	var found bytes.Buffer
	seen := map[string]bool{}
	err := each(ctx, source, func(h *tar.Header, content io.Reader) (err error) {
		if said != nil || seen[h.Name] {
			return broken(fmt.Errorf("%s comes again or too late", h.Name), source)
		}
		seen[h.Name] = true
		if h.Name == sumsName {
			said, err = io.ReadAll(io.LimitReader(content, most))
			return err
		}
		if _, ok := locate(h.Name); !ok && h.Name != manifestName {
			return broken(fmt.Errorf("%q belongs nowhere", h.Name), source)
		}
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		sum := sha256.New()
		keep := io.Discard
		var kept bytes.Buffer
		if h.Name == manifestName {
			keep = &kept
		}
		if _, err := io.Copy(io.MultiWriter(sum, keep), content); err != nil {
			return broken(err, source)
		}
		if h.Name == manifestName {
			manifest = kept.Bytes()
		}
		fmt.Fprintf(&found, "%x  %s\n", sum.Sum(nil), h.Name)
		return nil
	})
	if err != nil {
		return Manifest{}, err
	}
	if said == nil {
		return Manifest{}, broken(errors.New("it has no sums, so its end is missing"), source)
	}
	if !bytes.Equal(said, found.Bytes()) {
		return Manifest{}, fault.New(fault.Invalid, "The backup %s is damaged: its checksums are wrong.", source).WithHint("Use another copy of it.")
	}
	return decodeManifest(manifest, source)
}
