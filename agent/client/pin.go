package client

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"strings"
)

// pinPrefix names the hash of a pin.
const pinPrefix = "sha256:"

// Pinned returns settings for [Options.TLS] that accept exactly the certificate with a pin, "sha256:" and 64 hex digits
// of its DER form, whoever signed it and whatever name is in it. It is for agents whose certificate is their own.
func Pinned(pin string) (*tls.Config, error) {
	want, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(pin), pinPrefix))
	if err != nil || len(want) != sha256.Size || !strings.HasPrefix(strings.ToLower(pin), pinPrefix) {
		e := invalid("The certificate pin is not sha256: and 64 hex digits.",
			"On the agent's host: openssl x509 -in CERTIFICATE -noout -fingerprint -sha256, without the colons.")
		e.Field = "pin"
		return nil, e
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, //nolint:gosec // the pin says more than an authority could
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || subtle.ConstantTimeCompare(want, hash(state.PeerCertificates[0])) != 1 {
				return errPin
			}
			return nil
		},
	}, nil
}

var errPin = errors.New("its certificate is not the pinned one")

func hash(certificate *x509.Certificate) []byte {
	sum := sha256.Sum256(certificate.Raw)
	return sum[:]
}

// Fingerprint returns the pin of the certificate that an https address shows now. Nothing says whose it is: compare it
// with the one on the host.
func Fingerprint(ctx context.Context, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return "", invalid("Only https addresses have certificates.", "Give an address that begins with https://.")
	}
	target := u.Host
	if u.Port() == "" {
		target = net.JoinHostPort(u.Hostname(), "443")
	}
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}} //nolint:gosec // it is only looked at
	conn, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	secured, ok := conn.(*tls.Conn)
	if !ok || len(secured.ConnectionState().PeerCertificates) == 0 {
		return "", errors.New("the address shows no certificate")
	}
	return pinPrefix + hex.EncodeToString(hash(secured.ConnectionState().PeerCertificates[0])), nil
}
