package pluginhost

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/left4me/left4me/agent/internal/fault"
)

// binary is a plugin's program, opened: what is checked is what is executed, whatever happens to the
// path in between.
type binary struct {
	file   *os.File
	script bool // an interpreter will open it again
}

// openBinary opens the program at path and holds it against checksum, "sha256:…" or "" for none.
func openBinary(path, checksum string) (*binary, *problem) {
	file, err := os.Open(path)
	if err != nil {
		what := "cannot be started: its program " + path + " cannot be opened (" + reason(err) + ")."
		if errors.Is(err, fs.ErrNotExist) {
			what = "cannot be started: its program " + path + " does not exist."
		}
		p := lasting(fault.Precondition, "%s", what).mend("Install it at that path.")
		p.cause = err
		return nil, p
	}
	b := &binary{file: file}
	if p := b.check(path, checksum); p != nil {
		b.close()
		return nil, p
	}
	return b, nil
}

func (b *binary) close() { _ = b.file.Close() } // was only read

func (b *binary) check(path, checksum string) *problem {
	info, err := b.file.Stat()
	switch {
	case err != nil:
		return passing(err, "cannot be started: its program %s cannot be looked at.", path)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return lasting(fault.Precondition, "cannot be started: %s is not an executable file.", path).
			mend("Make the file executable, if it is the plugin.")
	case info.Mode()&0o002 != 0:
		return lasting(fault.Precondition, "is not started: every user of this host can change its program %s.", path).
			mend("Check that it is still the right program, and run: chmod o-w " + path + ".")
	}
	sum, script, err := digest(b.file, checksum != "")
	if err != nil {
		return passing(err, "cannot be started: its program %s cannot be read.", path)
	}
	b.script = script
	if checksum != "" && subtle.ConstantTimeCompare([]byte("sha256:"+sum), []byte(checksum)) != 1 {
		return lasting(fault.Precondition, "is not started: its program %s has the checksum sha256:%s, not the configured one.", path, sum).
			withHint("If the program was updated on purpose, correct \"checksum\" in the configuration and restart the agent.")
	}
	return nil
}

// digest returns the SHA-256 of a file when asked for, and whether it is a script.
func digest(file io.ReaderAt, sum bool) (digest string, script bool, err error) {
	var magic [2]byte
	if _, err := file.ReadAt(magic[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return "", false, err
	}
	script = string(magic[:]) == "#!"
	if !sum {
		return "", script, nil
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, 1<<62)); err != nil {
		return "", script, err
	}
	return hex.EncodeToString(hash.Sum(nil)), script, nil
}

// reason returns the text of an error about a file, without operation and path.
func reason(err error) string {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err.Error()
	}
	return err.Error()
}
