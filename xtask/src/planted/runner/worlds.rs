mod worlds {
    use bimip_session::sim::{Plan, World};

    #[test]
    fn hold() {
        for seed in 0..30 {
            let mut world = World::new(seed, Plan::small());
            world.run();
            assert_eq!(world.violations(), &[] as &[String], "seed {seed}");
        }
    }
}
