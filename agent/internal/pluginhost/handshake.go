package pluginhost

import (
	"crypto/x509"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

// goPluginCore is the version of the handshake line itself.
const goPluginCore = "1"

// checkHandshake checks the first line that a plugin printed before go-plugin sees it:
//
//	1|<protocol>|unix|<socket>|grpc|<certificate>
//
// socketDir is the directory that the plugin was told to listen in: the agent must not be led to
// connect to anything else.
func checkHandshake(line, socketDir string) *problem {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 4 || parts[0] != goPluginCore {
		return lasting(fault.Internal, "printed %q in place of a handshake.", clean(line, maxWord)).
			withHint("Check that its command is a left4me plugin, and that it prints nothing before it serves.")
	}
	if p := checkMajor(parts[1]); p != nil {
		return p
	}
	if parts[2] != "unix" || filepath.Dir(parts[3]) != socketDir {
		return broken("it listens at %s %q and not in the directory it was given", clean(parts[2], maxWord), clean(parts[3], maxWord))
	}
	if !isSocket(parts[3]) {
		return broken("%q is not a socket", clean(parts[3], maxWord))
	}
	if len(parts) < 6 || parts[4] != "grpc" || !isCertificate(parts[5]) {
		return broken("it does not offer gRPC with TLS")
	}
	return nil
}

// isSocket looks at the name itself: a link could lead the agent to another socket of the host.
func isSocket(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == fs.ModeSocket
}

func isCertificate(text string) bool {
	der, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	_, err = x509.ParseCertificate(der)
	return err == nil
}

func checkMajor(text string) *problem {
	major, err := strconv.Atoi(text)
	if err != nil {
		return broken("its protocol version %q is no number", clean(text, maxWord))
	}
	if major == sdk.ProtocolMajor {
		return nil
	}
	mismatch := lasting(fault.Precondition, "speaks protocol %d; this agent speaks %d.", major, sdk.ProtocolMajor)
	if major > sdk.ProtocolMajor {
		return mismatch.withHint("Update the agent, or install a version of the plugin for protocol %d.", sdk.ProtocolMajor)
	}
	return mismatch.withHint("Update the plugin.")
}
