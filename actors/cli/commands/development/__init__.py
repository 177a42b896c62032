"""What the developer of an app needs: `undercroft check` judges a profile before anything starts."""
