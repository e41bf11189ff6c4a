from django.urls import path

from guestbook import views

app_name = "guestbook"

urlpatterns = [
    path("", views.index, name="index"),
    path("write/", views.write, name="write"),
    path("entries/<int:pk>/edit/", views.edit, name="edit"),
    path("entries/<int:pk>/delete/", views.delete, name="delete"),
]
