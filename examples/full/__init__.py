"""An application with a `people` table of its own, integer keys and its own Alembic, and accounts in it.

| file | what |
|---|---|
| `database.py` | theirs: the engine and the session of a request |
| `models.py` | theirs: people and their notes; one word of it is `AccountMixin` |
| `accounts.py` | the whole integration: where accounts live, who is asking, what happens at a registration |
| `app.py` | theirs: routes; one line of it is `accounts.install(app)` |
| `migrations/` | theirs: Alembic, which sees our tables beside theirs |

From the root of the repository:

    alembic -c examples/full/alembic.ini upgrade head
    FASTNESS_ENVIRONMENT=development uvicorn examples.full.app:app
"""
