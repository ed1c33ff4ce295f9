package cli

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/cli/credentials"
	"github.com/slipwayhq/slipway/internal/fault"
)

type loginCmd struct {
	Server string `arg:"" optional:"" name:"url" help:"The server." default:"${localURL}"`
	Token  string `help:"Your token; without it you are asked for it." env:"SLIPWAY_TOKEN"`
	Pin    string `help:"Fingerprint of the server's key, as an admin told you; without it you are shown it." env:"SLIPWAY_PIN"`
}

func (c *loginCmd) Run(p *program) error {
	address := strings.TrimRight(c.Server, "/")
	pin, err := c.trust(p, address)
	if err != nil {
		return err
	}
	token := c.Token
	if token == "" {
		if token, err = p.askSecret("Token: "); err != nil {
			return err
		}
	}
	client, err := apiclient.New(apiclient.Options{URL: address, Token: token, Pin: pin, Agent: "slipway/" + programVersion()})
	if err != nil {
		return err
	}
	defer client.Close()
	who, err := client.Session(p.ctx)
	if apiclient.Is(err, fault.CodeUnauthorized) {
		return fault.Unauthorized("%s does not know this token; copy it whole (it begins with slt_), or ask an admin for a new one", address)
	}
	if err != nil {
		return err
	}
	book, err := credentials.Read()
	if err != nil {
		return err
	}
	servers := map[string]credentials.Credential{}
	maps.Copy(servers, book.Servers)
	servers[address] = credentials.Credential{Token: token, Pin: pin}
	path, err := credentials.Book{Last: address, Servers: servers}.Keep()
	if err != nil {
		return err
	}
	p.say("Signed in to %s as %s; kept in %s.", address, who.Person.Name, path)
	p.say("For git push without being asked: git config --global credential.%s.helper '!slipway git-credential'", address)
	if pin != "" {
		p.say("and, as its certificate is its own: git config --global http.%s.pinnedPubkey 'sha256//%s'", address, standardBase64(pin))
		p.say("                                 git config --global http.%s.sslVerify false", address)
	}
	return nil
}

// trust finds the pin of the server's key: none is needed on loopback, or when an authority vouches for it.
func (c *loginCmd) trust(p *program, address string) (string, error) {
	pin, known, err := apiclient.Fingerprint(p.ctx, address)
	switch {
	case err != nil || known && c.Pin == "":
		return "", err
	case c.Pin != "" && c.Pin != pin:
		return "", fault.Forbidden("the server at %s shows another key than the one pinned (%s): it may not be yours", address, pin)
	case c.Pin != "":
		return pin, nil
	}
	p.say("The certificate of %s is its own. The fingerprint of its key is\n\n    %s\n", address, pin)
	p.say("It is also what follows the dot of a join token, where an admin can compare it.")
	answer, err := p.ask("Trust it? [y/N] ")
	if err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return "", fault.Forbidden("not signed in: the key of %s is not trusted; give it with --pin where nobody can answer", address)
	}
	return pin, nil
}

// standardBase64 is the alphabet that git and curl take.
func standardBase64(raw string) string {
	return strings.NewReplacer("-", "+", "_", "/").Replace(raw) + "="
}

type logoutCmd struct {
	Server string `arg:"" optional:"" name:"url" help:"The server; default: the one signed in to last."`
}

func (c *logoutCmd) Run(p *program) error {
	book, err := credentials.Read()
	if err != nil {
		return err
	}
	address := strings.TrimRight(c.Server, "/")
	if address == "" {
		address = book.Last
	}
	if _, ok := book.Servers[address]; !ok {
		return fault.NotFound("not signed in to %q", address)
	}
	left := maps.Clone(book.Servers)
	delete(left, address)
	if book.Last == address {
		book.Last = ""
	}
	book.Servers = left
	if _, err := book.Keep(); err != nil {
		return err
	}
	p.say("The token for %s is forgotten here. It is valid still; end it with: slipway tokens revoke", address)
	return nil
}

// ask reads a line.
func (p *program) ask(question string) (string, error) {
	_, _ = fmt.Fprint(p.stdout, question)
	line, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && line == "" {
		return "", fault.Invalid("nobody answers: %v", err)
	}
	return strings.TrimSpace(line), nil
}

// askSecret reads a line that a terminal does not show.
func (p *program) askSecret(question string) (string, error) {
	f, ok := p.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		text, err := io.ReadAll(io.LimitReader(p.stdin, 64<<10))
		if err != nil || len(strings.TrimSpace(string(text))) == 0 {
			return "", fault.Invalid("nothing was given on standard input")
		}
		return strings.TrimSpace(string(text)), nil
	}
	_, _ = fmt.Fprint(p.stdout, question)
	text, err := term.ReadPassword(int(f.Fd()))
	_, _ = fmt.Fprintln(p.stdout)
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}
