package envoy

import (
	"math"
	"strconv"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// over says that a descriptor is over its limit. Who asks for nothing is, when nothing is left.
func (p *part) over() bool {
	if p.rule.Limit.Shadow {
		return false
	}
	return !p.answer.Passed || p.want == 0 && p.answer.Left == 0
}

// response is the answer to a decided question.
func (q *question) response(c *envoylimit.Config, now int64) *pb.RateLimitResponse {
	room := make([]pb.RateLimitResponse_DescriptorStatus, len(q.parts))
	res := &pb.RateLimitResponse{OverallCode: pb.RateLimitResponse_OK, Statuses: make([]*pb.RateLimitResponse_DescriptorStatus, len(q.parts))}
	denied, quotas, spent := false, 0, 0
	for i := range q.parts {
		p, s := &q.parts[i], &room[i]
		res.Statuses[i] = s
		s.Code = pb.RateLimitResponse_OK
		if p.rule == nil {
			if p.limit != nil {
				s.LimitRemaining = math.MaxUint32
			}
			continue
		}
		over := p.over()
		p.status(s, over, now)
		switch {
		case p.limit.Quota:
			if quotas++; over {
				spent++
			}
		case over:
			denied = true
		}
	}
	if denied || quotas > 0 && quotas == spent {
		res.OverallCode = pb.RateLimitResponse_OVER_LIMIT
	}
	if c != nil && c.Headers != envoylimit.NoHeaders {
		res.ResponseHeadersToAdd = q.headers(c.Headers, res.Statuses)
	}
	return res
}

// status says how one descriptor stands.
func (p *part) status(s *pb.RateLimitResponse_DescriptorStatus, over bool, now int64) {
	l := &p.rule.Limit
	s.CurrentLimit = &pb.RateLimitResponse_RateLimit{Name: p.limit.Name, RequestsPerUnit: uint32(min(l.Amount, math.MaxUint32)), Unit: unitIn(l.Unit)}
	if l.Every > 1 {
		s.CurrentLimit.UnitMultiplier = wrapperspb.UInt32(uint32(min(l.Every, math.MaxUint32)))
	}
	s.DurationUntilReset = &durationpb.Duration{Seconds: envoylimit.Reset(p.rule, p.answer, now)}
	if over {
		s.Code = pb.RateLimitResponse_OVER_LIMIT
		return
	}
	s.LimitRemaining = uint32(min(p.answer.Left, math.MaxUint32))
}

func unitIn(u rate.Unit) pb.RateLimitResponse_RateLimit_Unit {
	switch u {
	case rate.Second:
		return pb.RateLimitResponse_RateLimit_SECOND
	case rate.Minute:
		return pb.RateLimitResponse_RateLimit_MINUTE
	case rate.Hour:
		return pb.RateLimitResponse_RateLimit_HOUR
	case rate.Day:
		return pb.RateLimitResponse_RateLimit_DAY
	case rate.Week:
		return pb.RateLimitResponse_RateLimit_WEEK
	case rate.Month:
		return pb.RateLimitResponse_RateLimit_MONTH
	case rate.Year:
		return pb.RateLimitResponse_RateLimit_YEAR
	}
	return pb.RateLimitResponse_RateLimit_UNKNOWN
}

// headers tell of the limit that is nearest: one that denies, or else has the least left. A limit in the shadow is told to nobody.
func (q *question) headers(kind envoylimit.Headers, statuses []*pb.RateLimitResponse_DescriptorStatus) []*core.HeaderValue {
	nearest := -1
	for i, s := range statuses {
		if q.parts[i].rule == nil || q.parts[i].rule.Limit.Shadow {
			continue
		}
		if nearest < 0 || s.GetCode() > statuses[nearest].GetCode() || s.GetCode() == statuses[nearest].GetCode() && s.GetLimitRemaining() < statuses[nearest].GetLimitRemaining() {
			nearest = i
		}
	}
	if nearest < 0 {
		return nil
	}
	p, s := &q.parts[nearest], statuses[nearest]
	quota := int64(s.GetCurrentLimit().GetRequestsPerUnit())
	left, reset := int64(s.GetLimitRemaining()), s.GetDurationUntilReset().GetSeconds()
	var out []*core.HeaderValue
	if kind != envoylimit.XRateLimit {
		out = append(out,
			&core.HeaderValue{Key: "RateLimit-Policy", Value: member(p.limit.Policy, ";q=", quota, ";w=", int64(p.rule.Window().Seconds()))},
			&core.HeaderValue{Key: "RateLimit", Value: member(p.limit.Policy, ";r=", left, ";t=", reset)})
	}
	if kind != envoylimit.RateLimit {
		out = append(out,
			&core.HeaderValue{Key: "x-ratelimit-limit", Value: strconv.FormatInt(quota, 10)},
			&core.HeaderValue{Key: "x-ratelimit-remaining", Value: strconv.FormatInt(left, 10)},
			&core.HeaderValue{Key: "x-ratelimit-reset", Value: strconv.FormatInt(reset, 10)})
	}
	return out
}

// member is a member of a structured field with two parameters.
func member(name, one string, a int64, two string, b int64) string {
	var room [128]byte
	out := append(append(room[:0], name...), one...)
	out = append(strconv.AppendInt(out, a, 10), two...)
	return string(strconv.AppendInt(out, b, 10))
}
