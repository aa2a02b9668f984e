"""What Streamlit runs; alone in its folder, because Streamlit puts the folder first on the import path."""
