# What a view of Django has, as far as waffle_backend.py looks at it: see waffle_backend_test.go.
import json
import sys
from types import SimpleNamespace

import waffle_backend

waffle_backend.SERVER, waffle_backend.KEY = sys.argv[1:3]


class Response:
    def __init__(self):
        self.cookies = {}

    def set_cookie(self, name, value, max_age=None, secure=False):
        self.cookies[name] = [value, max_age, secure]


def visit(pk=None, staff=False, groups=(), query=None, headers=None, cookies=None, ask=()):
    named = [SimpleNamespace(name=g) for g in groups]
    user = SimpleNamespace(pk=pk, is_authenticated=pk is not None, is_staff=staff, is_superuser=False, groups=SimpleNamespace(all=lambda: named))
    request = SimpleNamespace(user=user, GET=query or {}, headers=headers or {}, COOKIES=cookies or {}, LANGUAGE_CODE='en')
    told = {}

    def view(request):
        for name in ask:
            told[name] = {waffle_backend.flag_is_active(request, name) for _ in range(20)}
        told['maintenance'] = {waffle_backend.switch_is_active(request, 'maintenance')}
        return Response()

    response = waffle_backend.middleware(view)(request)
    return {'told': {k: sorted(v) for k, v in told.items()}, 'cookies': response.cookies}


print(json.dumps({
    'stranger': visit(ask=['half', 'staff', 'nothing']),
    'kept': visit(ask=['half'], cookies={'dwf_half': 'True', 'sessionid': 'secret'}),
    'staff': visit(7, True, ask=['half', 'staff']),
    'group': visit(8, groups=['beta'], ask=['staff']),
    'tester': visit(ask=['staff'], query={'dwft_staff': '1'}),
}))
