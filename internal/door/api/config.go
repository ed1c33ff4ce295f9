package api

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/catalog"
	"github.com/slipwayhq/slipway/internal/vault"
)

// ConfigChange is a change of settings and secrets.
type ConfigChange struct {
	Settings map[string]string       `json:"settings,omitempty" doc:"To set, by name"`
	Secrets  map[string]vault.Secret `json:"secrets,omitempty" doc:"To set, by name; never shown again"`
	Remove   []string                `json:"remove,omitempty" doc:"Names of settings and secrets to remove"`
	Reason   string                  `json:"reason,omitempty" maxLength:"500"`
}

// oneConfig is a configuration with its version as ETag.
type oneConfig struct {
	ETag string `header:"ETag"`
	Body catalog.Config
}

func taggedConfig(c catalog.Config, err error) (*oneConfig, error) {
	if err != nil {
		return nil, err
	}
	return &oneConfig{ETag: etag(int64(c.Version)), Body: c}, nil
}

func (s *Server) mountConfig() {
	apps := s.opts.Catalog
	register(s, view, "GET /v1/apps/{app}/environments/{env}/config", "Show settings, and the names of secrets", func(ctx context.Context, _ access.Identity, in *struct{ InEnvironment }) (*oneConfig, error) {
		return taggedConfig(apps.Config(ctx, in.App, in.Env))
	})
	type changed struct {
		InEnvironment
		InMatch
		Body ConfigChange
	}
	register(s, deploy, "PATCH /v1/apps/{app}/environments/{env}/config", "Change settings and secrets: makes a configuration version, and a release of it", func(ctx context.Context, id access.Identity, in *changed) (*oneConfig, error) {
		now, err := apps.Environment(ctx, in.App, in.Env)
		if err != nil {
			return nil, err
		}
		version, err := in.expect(int64(now.Config))
		if err != nil {
			return nil, err
		}
		c := vault.Change{Settings: in.Body.Settings, Secrets: in.Body.Secrets, Remove: in.Body.Remove}
		return taggedConfig(apps.ChangeConfig(ctx, id.Actor(), in.App, in.Env, int(version), c, in.Body.Reason))
	})
}
