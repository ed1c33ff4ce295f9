package limits

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
)

// InDomain names a domain of Envoy's descriptors.
type InDomain struct {
	api.InApp
	Domain string `path:"domain" doc:"The domain that Envoy's filter names" example:"shop"`
}

// DomainToSet is what a domain is to be.
type DomainToSet struct {
	YAML   string `json:"yaml" doc:"The file, as envoyproxy/ratelimit has it"`
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

type shownDomain = struct {
	ETag string `header:"ETag"`
	Body limit.Domain
}

func tagDomain(d limit.Domain, err error) (*shownDomain, error) {
	if err != nil {
		return nil, err
	}
	return &shownDomain{api.ETag(d.Revision), d}, nil
}

func (d *Door) mountDomains() {
	const path = "/v1/apps/{app}/limit-domains"
	type listing struct {
		api.InApp
		api.Page
	}
	api.Register(d.API, api.View, "GET "+path, "List domains of Envoy's descriptors, by name", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[limit.Domain], error) {
		all, err := d.Limits.Domains(ctx, in.App)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(l limit.Domain) string { return l.Name })
	})
	api.Register(d.API, api.View, "GET "+path+"/{domain}", "Show a domain of Envoy's descriptors", func(ctx context.Context, _ access.Identity, in *InDomain) (*shownDomain, error) {
		return tagDomain(d.Limits.Domain(ctx, in.App, in.Domain))
	})
	type set struct {
		InDomain
		IfMatch string `header:"If-Match" doc:"The ETag of the domain as you saw it; none for a new one"`
		Body    DomainToSet
	}
	api.Register(d.API, api.DeployAll, "PUT "+path+"/{domain}", "Make a domain of Envoy's descriptors, or change it", func(ctx context.Context, id access.Identity, in *set) (*shownDomain, error) {
		var revision int64
		if now, err := d.Limits.Domain(ctx, in.App, in.Domain); err == nil {
			if revision, err = (api.InMatch{IfMatch: in.IfMatch}).Expect(now.Revision); err != nil {
				return nil, err
			}
		} else if !fault.Is(err, fault.CodeNotFound) {
			return nil, err
		}
		return tagDomain(d.Limits.SetDomain(ctx, id.Actor(), in.Body.Reason, limit.Domain{App: in.App, Name: in.Domain, YAML: in.Body.YAML, Revision: revision}))
	})
	type removed struct {
		InDomain
		api.InMatch
		Reason string `query:"reason" maxLength:"500"`
	}
	api.Register(d.API, api.DeployAll, "DELETE "+path+"/{domain}", "Remove a domain: everything passes that asks by it", func(ctx context.Context, id access.Identity, in *removed) (*struct{}, error) {
		now, err := d.Limits.Domain(ctx, in.App, in.Domain)
		if err != nil {
			return nil, err
		}
		revision, err := in.Expect(now.Revision)
		if err != nil {
			return nil, err
		}
		return nil, d.Limits.RemoveDomain(ctx, id.Actor(), in.App, in.Domain, in.Reason, revision)
	})
}
