package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// credentials is what was signed in to: <config folder>/slipway/credentials, readable by its owner alone.
type credentials struct {
	// Last is the server signed in to last.
	Last    string                `json:"last,omitempty"`
	Servers map[string]credential `json:"servers,omitempty"`
}

// credential is for one server.
type credential struct {
	Token string `json:"token"`
	// Pin is the fingerprint of the server's key, where no authority vouches for it.
	Pin string `json:"pin,omitempty"`
}

func (c credentials) of(address string) credential { return c.Servers[strings.TrimRight(address, "/")] }

func credentialsPath() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the folder for settings: %w", err)
	}
	return filepath.Join(dir, "slipway", "credentials"), nil
}

// readCredentials gives what is kept, nothing where nothing is.
func readCredentials() (credentials, error) {
	var c credentials
	path, err := credentialsPath()
	if err != nil {
		return c, nil //nolint:nilerr // without a home there is nothing kept
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read who you are: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s is damaged; remove it and sign in again: %w", path, err)
	}
	return c, nil
}

// keep writes all of it, wholly or not at all.
func (c credentials) keep() (path string, err error) {
	if path, err = credentialsPath(); err != nil {
		return "", err
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("keep who you are: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".credentials-*") // made with mode 0600
	if err != nil {
		return "", fmt.Errorf("keep who you are: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("keep who you are: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return path, nil
}
