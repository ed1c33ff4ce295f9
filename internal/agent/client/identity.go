package client

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipwayhq/slipway/internal/wire"
)

// IdentityFile is the file in the folder of the identity.
const IdentityFile = "agent.json"

// identity is what makes this machine the same agent after a restart.
type identity struct {
	Key        string `json:"key"`
	Agent      string `json:"agent,omitempty"`
	Credential string `json:"credential,omitempty"`
	Server     string `json:"server,omitempty"`
	Pin        []byte `json:"pin,omitempty"`
	// Joined is a fingerprint of what was last said in a join.
	Joined string `json:"joined,omitempty"`
}

// loadIdentity reads the identity, or makes a new one and keeps it, so that a join whose answer was lost can be repeated.
func loadIdentity(dir string) (identity, error) {
	var id identity
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return id, fmt.Errorf("make the agent's data folder: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, IdentityFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		var key [16]byte
		_, _ = rand.Read(key[:]) // never fails
		id.Key = hex.EncodeToString(key[:])
		return id, id.save(dir)
	case err != nil:
		return id, fmt.Errorf("read the agent's identity: %w", err)
	}
	if err := json.Unmarshal(data, &id); err != nil {
		return id, fmt.Errorf("%s is damaged: remove it and join again under a new name: %w", filepath.Join(dir, IdentityFile), err)
	}
	return id, nil
}

// Known reads who an agent is from the folder of its identity: its id, and the address of its server. It makes nothing.
func Known(dir string) (agent, server string, err error) {
	data, err := os.ReadFile(filepath.Join(dir, IdentityFile))
	if err != nil {
		return "", "", fmt.Errorf("read the agent's identity: %w", err)
	}
	var id identity
	if err := json.Unmarshal(data, &id); err != nil {
		return "", "", fmt.Errorf("read the agent's identity in %s: %w", dir, err)
	}
	if id.Agent == "" {
		return "", "", fmt.Errorf("the agent of %s has not joined yet", dir)
	}
	return id.Agent, id.Server, nil
}

// save replaces the file at once, readable by its owner only.
func (id identity) save(dir string) error {
	data, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the agent's identity: %w", err)
	}
	return WriteFile(filepath.Join(dir, IdentityFile), data)
}

// WriteFile replaces a file with secrets in it: mode 0600, on disk before it has its name.
func WriteFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// fingerprint tells whether a join would say something new. The version of the program is left out: an upgrade alone needs no new join.
func fingerprint(server string, r wire.JoinRequest) (string, error) {
	r.Key, r.Version = "", ""
	data, err := json.Marshal(struct {
		Server string
		Join   wire.JoinRequest
	}{server, r})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
