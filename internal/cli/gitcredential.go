package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/cli/credentials"
)

// gitCredentialCmd is a credential helper: git asks for the password of a URL and gets the token that slipway login kept.
type gitCredentialCmd struct {
	Operation string `arg:"" help:"get, store or erase."`
}

func (c *gitCredentialCmd) Run(p *program) error {
	if c.Operation != "get" {
		return nil // what is kept is login's
	}
	asked := map[string]string{}
	lines := bufio.NewScanner(p.stdin)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			break
		}
		asked[name] = value
	}
	book, err := credentials.Read()
	if err != nil {
		return err
	}
	if known := book.Of(asked["protocol"] + "://" + asked["host"]); known.Token != "" {
		_, _ = fmt.Fprintf(p.stdout, "username=slipway\npassword=%s\n", known.Token)
	}
	return nil
}
