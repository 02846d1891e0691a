"""The application of the guide, section by section, in the corrected form.

| file | section of the guide | controls |
|---|---|---|
| `settings.py` | Secrets management | secrets |
| `app.py` | CORS, security headers | the chain, cors, headers |
| `database.py` | the user model | - |
| `wiring.py` | what a route may ask for | - |
| `login.py` | Authentication with OAuth2 and JWT | passwords, tokens, limits |
| `register.py` | Pydantic input validation | fields, passwords |
| `account.py` | `/profile` and `/account` | bearer, access |
| `users.py` | Role-based authorization, query parameters | access, fields |
| `queries.py` | SQL injection prevention | sql |
| `generate.py` | Rate limiting | limits |
| `errors.py` | Error handling | problems |

From the root of the repository: `FASTNESS_ENVIRONMENT=development uvicorn examples.guide.app:app`. The first
administrator is an account that registered: `python -m examples.guide.promote ada@example.com`.
"""
