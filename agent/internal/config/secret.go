package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"syscall"
)

// maxSecret bounds a secret, in bytes.
const maxSecret = 64 << 10

// ReadSecrets reads the secrets of p by name. The error is Problems.
func (p Plugin) ReadSecrets() (map[string]string, error) {
	var problems Problems
	values := map[string]string{}
	for _, secret := range p.Secrets {
		value, err := ReadSecret(secret.File)
		if err != nil {
			problems = append(problems, Of(err)...)
			continue
		}
		values[secret.Name] = value
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	return values, nil
}

// ReadSecret returns what the file holds, without the newline at its end. A file that other users may
// read or write is refused: what it holds is no secret. The error is Problems and never repeats the content.
func ReadSecret(path string) (string, error) {
	fail := func(hint, format string, args ...any) (string, error) {
		return "", Problems{{Message: fmt.Sprintf(format, args...), Hint: hint}}
	}
	// Without O_NONBLOCK a FIFO in place of the file would stop the agent.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fail("Write the secret into it, mode 0600.", "The secret file %s %s.", path, state(err, ""))
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return fail("", "The secret file %s %s.", path, state(err, ""))
	case !info.Mode().IsRegular():
		return fail("Name a plain file.", "The secret file %s is not a file.", path)
	case info.Mode()&0o007 != 0:
		return fail("Run: chmod o= "+path, "The secret file %s is open to every user of this host (mode %04o).", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	data = bytes.TrimRight(data, "\r\n")
	switch {
	case err != nil:
		return fail("", "The secret file %s cannot be read: %s.", path, reason(err))
	case len(data) > maxSecret:
		return fail("Name the right file.", "The secret file %s is larger than %d KiB.", path, maxSecret>>10)
	case len(data) == 0:
		return fail("Write the secret into it.", "The secret file %s is empty.", path)
	}
	return string(data), nil
}
