package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipwayhq/slipway/internal/durable"
	"github.com/slipwayhq/slipway/internal/edge"
	"github.com/slipwayhq/slipway/internal/wire"
)

// edgeName is the agent name of the edge that the server runs itself.
const edgeName = "edge"

// edge keeps the edge running as a child that outlives the server, unless there is to be none.
func (a *App) edge(ctx context.Context) error {
	if a.opts.EdgeListen == "none" {
		return nil
	}
	dir := filepath.Join(a.opts.Dir, "edge")
	credential, err := ownCredential(filepath.Join(dir, "credential"))
	if err != nil {
		return err
	}
	id, err := a.Fleet.Own(ctx, edgeName, []string{wire.RoleEdge}, credential)
	if err != nil {
		return err
	}
	exe := a.opts.Exe
	if exe == "" {
		if exe, err = os.Executable(); err != nil {
			return fmt.Errorf("find this program, to run the edge: %w", err)
		}
	}
	s := edge.Supervisor{
		Dir: dir, Version: a.opts.Version, Exe: exe, StopAtEnd: a.opts.StopEdge, Logger: a.logger("edge"),
		Args: a.edgeArgs(dir, id),
		Env:  []string{"SLIPWAY_EDGE_CREDENTIAL=" + credential},
	}
	return s.Run(ctx)
}

// edgeArgs is the edge's command line. A running edge with another one is replaced.
func (a *App) edgeArgs(dir, id string) []string {
	o := a.opts
	args := []string{"edge", "--dir", dir, "--listen", o.EdgeListen, "--server", "http://" + a.localAddr(), "--id", id}
	for _, f := range [][2]string{
		{"--tls-listen", o.EdgeTLSListen}, {"--tls-cert", o.EdgeCertFile}, {"--tls-key", o.EdgeKeyFile},
		{"--acme-email", o.ACMEEmail}, {"--acme-ca", o.ACMECA},
	} {
		if f[1] != "" {
			args = append(args, f[0], f[1])
		}
	}
	if o.ACME {
		args = append(args, "--acme")
	}
	for _, network := range o.TrustedProxies {
		args = append(args, "--trusted-proxies", network.String())
	}
	args = append(args, o.EdgeArgs...)
	if o.StopEdge {
		args = append(args, "--tied") // it ends with this process, kill -9 included
	}
	return args
}

// edgeURL is where visitors reach the apps, empty when no edge is ours.
func (a *App) edgeURL() string {
	o := a.opts
	if o.EdgeListen == "none" {
		return ""
	}
	if !o.edgeByTLS() {
		return "http://" + o.EdgeListen
	}
	addr := o.EdgeListen
	if o.EdgeTLSListen != "" {
		addr = o.EdgeTLSListen
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "https://" + addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() { // everywhere: also where people reach the server
		if u, err := url.Parse(a.URL()); err == nil {
			host = u.Hostname()
		}
	}
	return "https://" + strings.TrimSuffix(net.JoinHostPort(host, port), ":443")
}

// ownCredential reads the edge's credential, or makes it: the edge outlives the server, so it must stay the same.
func ownCredential(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the edge's credential: %w", err)
	}
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	secret := "sla_" + hex.EncodeToString(b[:])
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the edge's folder: %w", err)
	}
	if err := durable.WriteFile(path, []byte(secret+"\n")); err != nil {
		return "", fmt.Errorf("keep the edge's credential: %w", err)
	}
	return secret, nil
}

// localAddr is where the server's own edge reaches it in plain. The listener takes loopback connections whenever it listens on all addresses or on loopback; with
// one other address it has a second listener, see listen.
func (a *App) localAddr() string {
	if a.local != nil {
		return a.local.Addr().String()
	}
	_, port, err := net.SplitHostPort(a.Addr())
	if err != nil {
		return a.Addr()
	}
	return net.JoinHostPort("127.0.0.1", port)
}
