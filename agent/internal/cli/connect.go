package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/left4me/left4me/agent/client"
)

// settle completes the global flags from the environment and checks them.
func (a *app) settle() error {
	if a.format != "table" && a.format != "json" {
		given := a.format
		a.format = "table"
		return wrong("The format %q does not exist.", given).hint("Use --format table or --format json.")
	}
	if a.socket == "" && a.url == "" { // a flag counts more than any variable
		a.socket, a.url = a.Getenv("LEFT4ME_SOCKET"), a.Getenv("LEFT4ME_URL")
	}
	a.tokenFile = cmp.Or(a.tokenFile, a.Getenv("LEFT4ME_TOKEN_FILE"))
	return nil
}

// agent returns the client of the agent that the flags name.
func (a *app) agent() (*client.Client, error) {
	if a.client != nil {
		return a.client, nil
	}
	options := client.Options{Socket: a.socket, URL: a.url}
	if options.Socket == "" && options.URL == "" {
		options.Socket = defaultSocket()
	}
	if options.URL != "" && a.tokenFile != "" {
		token, err := readToken(a.tokenFile)
		if err != nil {
			return nil, err
		}
		options.Token = token
	}
	made, err := client.New(options)
	a.client = made
	return made, err
}

// readToken reads the first line of a small file.
func readToken(path string) (string, error) {
	data, err := readFile(path, 4096)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", wrong("The file %s holds no token.", path).hint("It must have one line with the token.")
	}
	return token, nil
}

// readFile reads a file that a person named; "-" is not one of them.
func readFile(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, wrong("The file %s cannot be read: %s.", path, pathReason(err)).hint("Check the path.")
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, wrong("The file %s cannot be read: %s.", path, pathReason(err)).hint("Check the path.")
	}
	if int64(len(data)) > most {
		return nil, wrong("The file %s is larger than %d bytes.", path, most).hint("Check the path.")
	}
	return data, nil
}

// pathReason is what is wrong with a file, without its name.
func pathReason(err error) string {
	if inner, ok := err.(*os.PathError); ok { //nolint:errorlint // os returns it unwrapped
		return inner.Err.Error()
	}
	return err.Error()
}

// mistake is an error in what a person gave.
type mistake client.Error

func wrong(format string, args ...any) *mistake {
	return &mistake{Code: client.CodeInvalid, Source: "client", Message: fmt.Sprintf(format, args...)}
}

func (m *mistake) hint(format string, args ...any) error {
	out := client.Error(*m)
	out.Hint = fmt.Sprintf(format, args...)
	return &out
}
