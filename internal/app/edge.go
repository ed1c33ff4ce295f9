package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

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
	args := []string{"edge", "--dir", dir, "--listen", a.opts.EdgeListen, "--server", "http://" + a.localAddr(), "--id", id}
	if a.opts.StopEdge {
		args = append(args, "--tied") // it ends with this process, kill -9 included
	}
	s := edge.Supervisor{
		Dir: dir, Version: a.opts.Version, Exe: exe, StopAtEnd: a.opts.StopEdge, Logger: a.logger("edge"),
		Args: args,
		Env:  []string{"SLIPWAY_EDGE_CREDENTIAL=" + credential},
	}
	return s.Run(ctx)
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
	if err := writeWhole(path, []byte(secret+"\n")); err != nil {
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
