users = {
    "ada": {"username": "ada", "password": "lovelace"},
}
